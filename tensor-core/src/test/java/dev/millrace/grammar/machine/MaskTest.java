package dev.millrace.grammar.machine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.grammar.FormatCompiler;
import dev.millrace.grammar.Sampling;
import dev.millrace.grammar.Vocabularies;
import dev.millrace.tokenizer.Tokenizer;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MaskTest {
  private static final int[] ENDS = {Vocabularies.END};

  @ParameterizedTest
  @ValueSource(
      strings = {"(ab|é)*\"?", "[^a]{1,6}", "\\{(\"[a-z]\": (true|12),? ?)*\\}", "(😀|日本|\\d)+"})
  void aMaskIsWhatEveryTokenSaysByItself(String expression) {
    for (int seed = 0; seed < 10; seed++) {
      Random random = new Random(seed);
      Tokenizer tokenizer = Vocabularies.random(random, 400);
      CompiledFormat format = new FormatCompiler(TokenTrie.of(tokenizer)).regex(expression);
      compareAlong(format, tokenizer, random);
    }
  }

  static void compareAlong(CompiledFormat format, Tokenizer tokenizer, Random random) {
    Constraint constraint = format.begin(ENDS);
    for (int i = 0; i < 30 && !constraint.isComplete(); i++) {
      int[] allowed = Sampling.ids(constraint.allowed());
      assertThat(allowed)
          .containsExactly(
              IntStream.range(0, tokenizer.vocabularySize()).filter(constraint::allows).toArray());
      constraint.accept(allowed[random.nextInt(allowed.length)]);
    }
  }
}
