package dev.millrace.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class PairMergerTest {
  private record Symbol(int id, int from, int to) {}

  /** Which of ten symbols may merge, and into what, by chance; priorities so few that many tie. */
  private static PairMerger.Pairs chancePairs(Random random) {
    int[][] priorities = new int[10][10];
    for (int[] row : priorities) {
      for (int i = 0; i < row.length; i++) {
        row[i] = random.nextInt(-3, 4);
      }
    }
    return (left, right, from, to) ->
        priorities[left][right] > 0 || to - from > 9
            ? PairMerger.Pairs.NONE
            : PairMerger.Pairs.candidate(priorities[left][right], (left * 7 + right) % 10);
  }

  @Test
  void mergesTheLowestPriorityFirstAndOfEqualOnesTheLeftmost() {
    Random random = new Random(5);
    PairMerger merger = new PairMerger();
    for (int round = 0; round < 2_000; round++) {
      PairMerger.Pairs pairs = chancePairs(random);
      List<Symbol> word = new ArrayList<>();
      for (int i = random.nextInt(1, 100); i > 0; i--) {
        word.add(new Symbol(random.nextInt(10), word.size(), word.size() + 1));
      }
      assertThat(merge(merger, word, pairs)).isEqualTo(mergeByDefinition(word, pairs));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "thequickbrownfox"})
  void aMegabyteWithoutSpacesCostsAboutAThousandTimesAKilobyte(String part) {
    long kilobyte = steps(part, 1 << 10);
    long megabyte = steps(part, 1 << 20);
    assertThat(kilobyte).as("merging goes on to the end").isGreaterThan(2 << 10);
    // n log n: 1,024 · 2 times as much at most. Squared it would be a million times.
    assertThat(megabyte).isLessThan(1_024 * 2 * kilobyte);
  }

  /** Everything merges, up to 64 bytes, so that as many pairs wait as there can be. */
  private static long steps(String part, int length) {
    PairMerger merger = new PairMerger();
    merger.start();
    for (int i = 0; i < length; i++) {
      merger.add(part.charAt(i % part.length()), i, i + 1);
    }
    merger.merge(
        (left, right, from, to) -> {
          int both = left * 31 + right;
          return to - from > 64
              ? PairMerger.Pairs.NONE
              : PairMerger.Pairs.candidate(both * 0x9E3779B9 >>> 12, both);
        });
    return merger.steps();
  }

  private static List<Symbol> merge(PairMerger merger, List<Symbol> word, PairMerger.Pairs pairs) {
    merger.start();
    word.forEach(symbol -> merger.add(symbol.id(), symbol.from(), symbol.to()));
    merger.merge(pairs);
    List<Symbol> merged = new ArrayList<>();
    for (int i = 0; i >= 0; i = merger.next(i)) {
      merged.add(new Symbol(merger.symbol(i), merger.from(i), merger.to(i)));
    }
    return merged;
  }

  private static List<Symbol> mergeByDefinition(List<Symbol> word, PairMerger.Pairs pairs) {
    List<Symbol> symbols = new ArrayList<>(word);
    while (true) {
      int best = -1;
      long bestFound = 0;
      for (int i = 0; i + 1 < symbols.size(); i++) {
        Symbol left = symbols.get(i);
        Symbol right = symbols.get(i + 1);
        long found = pairs.find(left.id(), right.id(), left.from(), right.to());
        if (found != PairMerger.Pairs.NONE && (best < 0 || found >> 32 < bestFound >> 32)) {
          best = i;
          bestFound = found;
        }
      }
      if (best < 0) {
        return symbols;
      }
      Symbol right = symbols.remove(best + 1);
      symbols.set(best, new Symbol((int) bestFound, symbols.get(best).from(), right.to()));
    }
  }
}
