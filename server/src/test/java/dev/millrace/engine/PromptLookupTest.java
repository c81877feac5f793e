package dev.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class PromptLookupTest {
  private final PromptLookup lookup = new PromptLookup();

  /** What is guessed behind some tokens. */
  private int[] guess(int most, int... tokens) {
    int[] room = Arrays.copyOf(tokens, tokens.length + most);
    int count = lookup.guess(room, tokens.length, most);
    return Arrays.copyOfRange(room, tokens.length, tokens.length + count);
  }

  @Test
  void whatCameBehindTheSameTokensIsGuessed() {
    assertThat(guess(2, 1, 2, 3, 4, 5, 9, 1, 2, 3)).containsExactly(4, 5);
  }

  @Test
  void nothingIsGuessedBehindWhatIsNewOrTooShort() {
    assertThat(guess(4, 1, 2, 3, 4, 1, 2)).isEmpty();
    assertThat(guess(4, 1, 2)).isEmpty();
  }

  @Test
  void aLongerMatchWinsAndOfTwoEquallyLongOnesTheLaterOne() {
    int[] twice = {7, 1, 2, 3, 4, 8, 1, 2, 3, 5, 7, 1, 2, 3};
    assertThat(guess(1, twice)).containsExactly(4);
    assertThat(new PromptLookupTest().guess(1, 7, 1, 2, 3, 4, 7, 1, 2, 3, 5, 7, 1, 2, 3))
        .containsExactly(5);
  }

  @Test
  void aRepetitionGoesOnWithItsOwnGuess() {
    assertThat(guess(7, 6, 1, 2, 1, 2, 1)).containsExactly(2, 1, 2, 1, 2, 1, 2);
  }

  @Test
  void whereverTheLastTokensStoodOfAGrowingTextOneContinuationOfThemIsGuessed() {
    Random random = new Random(7);
    int[] tokens = random.ints(2_000, 0, 6).toArray();
    for (int length = 1; length < tokens.length; length += 1 + random.nextInt(40)) {
      int[] room = Arrays.copyOf(tokens, length + 1);
      int count = lookup.guess(room, length, 1);
      int end = length;
      int[] behind =
          IntStream.range(PromptLookup.SHORTEST, end)
              .filter(
                  place ->
                      IntStream.rangeClosed(1, PromptLookup.SHORTEST)
                          .allMatch(back -> tokens[place - back] == tokens[end - back]))
              .map(place -> tokens[place])
              .toArray();
      assertThat(count).isEqualTo(length >= PromptLookup.SHORTEST && behind.length > 0 ? 1 : 0);
      if (count == 1) {
        assertThat(behind).contains(room[length]);
      }
    }
  }
}
