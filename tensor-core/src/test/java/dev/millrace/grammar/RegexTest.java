package dev.millrace.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.TokenTrie;
import dev.millrace.tokenizer.Tokenizer;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RegexTest {
  private final Tokenizer tokenizer = Vocabularies.random(new Random(1), 300);
  private final FormatCompiler compiler = new FormatCompiler(() -> TokenTrie.of(tokenizer));

  @ParameterizedTest
  @ValueSource(
      strings = {
        "abc", "a|bc|", "(ab)*", "[a-c]{2,4}", "[^b]+", "a?b?c?", "(a|b)*abb", ".{0,3}é",
        "^ab$", "^a|b$", "(^a|b)c", "a($|b)", "\\d{3}-\\d+", "[\\w-]+", "\\s*\\S", "(?:a(?<n>b))+?",
        "\\u00e9|\\x41", "\\p{Lu}\\p{L}*", "[\\d\\D]", "x{0}", "日本?", "😀|é{2}", "a{2,}", "\\.\\/"
      })
  void agreesWithJavasOwnOnRandomTexts(String expression) {
    CompiledFormat format = compiler.regex(expression);
    Pattern reference = Pattern.compile(expression, Pattern.UNICODE_CASE);
    Random random = new Random(expression.hashCode());
    String alphabet = "abcABé-._ 日本😀xyz0123456789/\n";
    int[] characters = alphabet.codePoints().toArray();
    for (int i = 0; i < 2_000; i++) {
      StringBuilder text = new StringBuilder();
      for (int length = random.nextInt(6); length > 0; length--) {
        text.appendCodePoint(characters[random.nextInt(i % 2 == 0 ? 4 : characters.length)]);
      }
      boolean expected = matches(reference, text.toString());
      assertThat(Sampling.accepts(format, text.toString())).as("'%s'", text).isEqualTo(expected);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(ab)+",
        "[a-c]{2,4}é?",
        "(a|b)*abb",
        "^ab$",
        "\\d{3}-\\d+",
        "[\\w-]+",
        "\\u00e9|\\x41",
        "\\p{Lu}\\p{L}*",
        "(foo|bar|日本){1,3}",
        "[^\\n]{1,5}"
      })
  void whatIsDrawnAtRandomMatches(String expression) {
    CompiledFormat format = compiler.regex(expression);
    Random random = new Random(2);
    for (int i = 0; i < 200; i++) {
      assertThat(Sampling.sample(format, tokenizer, List.of(), random, 200))
          .hasValueSatisfying(
              text -> assertThat(matches(Pattern.compile(expression), text)).as(text).isTrue());
    }
  }

  /** Java's own $ also matches before a line's end that is the last character. */
  private static boolean matches(Pattern pattern, String text) {
    return Pattern.compile(pattern.pattern().replace("$", "\\z")).matcher(text).matches();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "(",
        ")",
        "a**",
        "[a",
        "a{2,1}",
        "\\",
        "(?=a)b",
        "(?!a)",
        "(?<=a)",
        "(a)\\1",
        "\\b",
        "\\y",
        "\\p{Nonsense}",
        "[z-a]",
        "\\u12",
        "(?i:a)",
        "*",
        "\\ud800",
        "^*"
      })
  void whatIsNotSupportedIsRefusedWithItsPlace(String expression) {
    assertThatThrownBy(() -> compiler.regex(expression))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("at character");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "a{1,100000}", "(a{1000}){1000}", "(a|b)*a(a|b){25}", "(.{1,100}){1,100}",
        "(((a{99}){99}){99}){99}", "(){1000000000}", "(a?){9999}(a?){9999}", "(\\p{L}{500}){40}"
      })
  void whatIsTooLargeIsRefusedSoon(String expression) {
    long begun = System.nanoTime();
    assertThatThrownBy(() -> compiler.regex(expression))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("a format may");
    assertThat(System.nanoTime() - begun).isLessThan(10_000_000_000L);
  }

  @Test
  void aScriptsNameHasOneSpelling() {
    for (String name : List.of("Inscriptional_Parthian", "Prti", "Greek", "Nko", "SignWriting")) {
      assertThat(compiler.regex("\\p{sc=" + name + "}")).as(name).isNotNull();
      for (String other : List.of(name.toUpperCase(Locale.ROOT), name.toLowerCase(Locale.ROOT))) {
        assertThatThrownBy(() -> compiler.regex("\\p{Script=" + other + "}"))
            .isInstanceOf(FormatException.class)
            .hasMessageContaining("'Script=" + other + "' is no property");
      }
    }
  }

  @Test
  void setsOfCharactersThatAreReadCountAsWork() {
    for (String form : List.of("[%s]", "%s")) {
      assertThatThrownBy(() -> compiler.regex(form.formatted("\\P{L}".repeat(40_000))))
          .isInstanceOf(FormatException.class)
          .hasMessageContaining("a format may");
    }
  }

  @Test
  void anExpressionThatMatchesNothingIsRefused() {
    assertThatThrownBy(() -> compiler.regex("[]a"))
        .isInstanceOf(FormatException.class)
        .hasMessage("no text obeys it");
  }

  @Test
  void choicesAreTakenWhole() {
    CompiledFormat format = compiler.choice(List.of("yes", "no", "nobody"));

    assertThat(List.of("yes", "no", "nobody")).allMatch(text -> Sampling.accepts(format, text));
    assertThat(List.of("", "y", "nob", "yess")).noneMatch(text -> Sampling.accepts(format, text));
  }
}
