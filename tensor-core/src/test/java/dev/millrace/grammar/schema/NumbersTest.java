package dev.millrace.grammar.schema;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.grammar.FormatCompiler;
import dev.millrace.grammar.Sampling;
import dev.millrace.grammar.Vocabularies;
import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.TokenTrie;
import dev.millrace.tokenizer.Tokenizer;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NumbersTest {
  private final Tokenizer tokenizer = Vocabularies.random(new Random(5), 100);
  private final FormatCompiler compiler = new FormatCompiler(() -> TokenTrie.of(tokenizer));

  @Test
  void boundsHoldAsArithmeticSays() {
    Random random = new Random(11);
    for (int i = 0; i < 300; i++) {
      BigDecimal one = number(random);
      BigDecimal other = number(random);
      BigDecimal lower = one.min(other);
      BigDecimal upper = one.max(other);
      boolean strict = random.nextBoolean() && lower.compareTo(upper) < 0;
      boolean integer = random.nextInt(3) == 0;
      String schema =
          "{\"type\": \"%s\", \"%s\": %s, \"%s\": %s}"
              .formatted(
                  integer ? "integer" : "number",
                  strict ? "exclusiveMinimum" : "minimum",
                  lower.toPlainString(),
                  strict ? "exclusiveMaximum" : "maximum",
                  upper.toPlainString());
      for (int j = 0; j < 60; j++) {
        BigDecimal value = j == 0 ? lower : j == 1 ? upper : number(random);
        boolean within =
            value.compareTo(lower) >= (strict ? 1 : 0)
                && value.compareTo(upper) <= (strict ? -1 : 0)
                && !(integer && value.stripTrailingZeros().scale() > 0);
        String text =
            integer && value.stripTrailingZeros().scale() <= 0
                ? value.toBigInteger().toString()
                : value.toPlainString();
        boolean minusZero = text.startsWith("-0") && value.signum() == 0;
        assertThat(accepts(schema, text))
            .as("%s by %s", text, schema)
            .isEqualTo(within && !minusZero);
      }
    }
  }

  private boolean accepts(String schema, String text) {
    try {
      return Sampling.accepts(compiler.jsonSchema(schema), text);
    } catch (FormatException e) {
      assertThat(e).hasMessage("no text obeys it"); // no integer between two fractions
      return false;
    }
  }

  private static BigDecimal number(Random random) {
    BigDecimal value = BigDecimal.valueOf(random.nextInt(2_000_001) - 1_000_000, random.nextInt(9));
    return random.nextInt(3) == 0 ? value.setScale(0, RoundingMode.DOWN) : value;
  }

  @ParameterizedTest
  @ValueSource(strings = {"1", "3", "7", "100", "0.5", "1.5", "0.125", "2.75"})
  void multiplesAreThoseOfArithmetic(String divisor) {
    CompiledFormat format =
        compiler.jsonSchema("{\"type\": \"number\", \"multipleOf\": %s}".formatted(divisor));
    Random random = new Random(13);
    for (int i = 0; i < 2_000; i++) {
      BigDecimal value =
          i % 3 == 0
              ? new BigDecimal(divisor).multiply(BigDecimal.valueOf(random.nextInt(4_000) - 2_000))
              : BigDecimal.valueOf(random.nextInt(20_001) - 10_000, random.nextInt(4));
      boolean multiple = value.remainder(new BigDecimal(divisor)).signum() == 0;
      boolean minusZero = value.signum() == 0 && value.toPlainString().startsWith("-");

      assertThat(Sampling.accepts(format, value.toPlainString()))
          .as("%s", value.toPlainString())
          .isEqualTo(multiple && !minusZero);
    }
  }

  @Test
  void numbersWithoutBoundsAreWrittenInAnyWayOfJsons() {
    CompiledFormat number = compiler.jsonSchema("{\"type\": \"number\"}");
    CompiledFormat integer = compiler.jsonSchema("{\"type\": \"integer\"}");

    for (String text : new String[] {"0", "-0", "12.50", "1e5", "-1.5E-10", "1E+300"}) {
      assertThat(Sampling.accepts(number, text)).as(text).isTrue();
    }
    for (String text : new String[] {"01", "1.", ".5", "+1", "1e", "--1", "NaN", ""}) {
      assertThat(Sampling.accepts(number, text)).as(text).isFalse();
    }
    assertThat(Sampling.accepts(integer, "-12")).isTrue();
    assertThat(Sampling.accepts(integer, "1.0")).isFalse();
  }
}
