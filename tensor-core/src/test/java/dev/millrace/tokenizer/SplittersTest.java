package dev.millrace.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The state machines against the regular expressions that they stand for, on java.util.regex. */
class SplittersTest {
  private static final String GPT2 =
      "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  private static final String GPT4 =
      "'(?:[sStTmMdD]|[rR][eE]|[vV][eE]|[lL][lL])|[^\\r\\n\\p{L}\\p{N}]?[LETTERS]+"
          + "|\\p{N}{1,DIGITS}| ?[^\\sLETTERS\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

  @Test
  void gpt2CutsAsItsExpressionDoes() {
    expectSame("gpt-2", GPT2);
  }

  @Test
  void smollmCutsNumbersApartFirst() {
    expectSame("smollm", "\\p{N}", GPT2);
  }

  @Test
  void llama3CutsAsItsExpressionDoes() {
    expectSame("llama-bpe", gpt4("\\p{L}", 3));
  }

  @Test
  void qwen2CutsAsItsExpressionDoes() {
    expectSame("qwen2", gpt4("\\p{L}", 1));
  }

  @Test
  void qwen35CountsMarksAmongLetters() {
    expectSame("qwen35", gpt4("\\p{L}\\p{M}", 1));
  }

  @Test
  void theDefaultCutsByItsFourExpressions() {
    expectSame("default", "[\\p{P}$+<=>^~|]+", GPT2, "\\p{N}+", "[0-9][0-9][0-9]");
  }

  @Test
  void falconCutsByItsThreeExpressions() {
    expectSame("falcon", "[\\p{P}$+<=>^~|`]+", GPT2, "[0-9][0-9][0-9]");
  }

  /** Where a backtracking engine overflows its stack or goes quadratic. */
  @ParameterizedTest
  @ValueSource(strings = {"gpt-2", "smollm", "llama-bpe", "qwen2", "qwen35", "default", "falcon"})
  @Timeout(60)
  void aMegabyteOfAnythingIsCutWithoutGapOrOverlap(String name) {
    Splitter splitter = PreTokenizer.named(name).splitter();
    for (String part : List.of("a", " ", "1", "'", ".", "\n", " \n", "'r", " a", "\u0301")) {
      byte[] text = part.repeat((1 << 20) / part.length()).getBytes(StandardCharsets.UTF_8);
      int[] end = {0};
      splitter.split(
          text,
          0,
          text.length,
          (from, to) -> {
            if (from != end[0] || to <= from) {
              throw new AssertionError("piece [" + from + ", " + to + ") after " + end[0]);
            }
            end[0] = to;
          });
      assertThat(end[0]).isEqualTo(text.length);
    }
  }

  @ParameterizedTest
  @CsvSource({"0x180E, false", "0x200B, false", "0x1C, false", "0x85, true", "0x3000, true"})
  void spaceIsUnicodesWhiteSpace(int codePoint, boolean isSpace) {
    byte[] text = Character.toString(codePoint).getBytes(StandardCharsets.UTF_8);
    assertThat(CharacterClass.at(text, 0, text.length) == CharacterClass.SPACE).isEqualTo(isSpace);
  }

  private static String gpt4(String letters, int digits) {
    return GPT4.replace("LETTERS", letters).replace("DIGITS", "" + digits);
  }

  private static void expectSame(String name, String... expressions) {
    Splitter splitter = PreTokenizer.named(name).splitter();
    Random random = new Random(11);
    for (int i = 0; i < 3_000; i++) {
      String text = RandomTexts.next(random, 12);
      byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
      List<String> pieces = new ArrayList<>();
      splitter.split(
          utf8,
          0,
          utf8.length,
          (from, to) -> pieces.add(new String(utf8, from, to - from, StandardCharsets.UTF_8)));
      List<String> expected = List.of(text);
      for (String expression : expressions) {
        Pattern pattern = Pattern.compile(expression, Pattern.UNICODE_CHARACTER_CLASS);
        expected = expected.stream().flatMap(piece -> cut(pattern, piece).stream()).toList();
      }
      expected = expected.stream().filter(piece -> !piece.isEmpty()).toList();
      assertThat(pieces).as(RandomTexts.escape(text)).isEqualTo(expected);
    }
  }

  /** The matches, and what is between them. */
  private static List<String> cut(Pattern pattern, String text) {
    List<String> pieces = new ArrayList<>();
    Matcher matcher = pattern.matcher(text);
    int start = 0;
    while (matcher.find()) {
      pieces.add(text.substring(start, matcher.start()));
      pieces.add(matcher.group());
      start = matcher.end();
    }
    pieces.add(text.substring(start));
    return pieces;
  }
}
