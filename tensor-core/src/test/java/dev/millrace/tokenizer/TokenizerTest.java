package dev.millrace.tokenizer;

import static dev.millrace.tokenizer.MetadataBuilder.CONTROL;
import static dev.millrace.tokenizer.MetadataBuilder.NORMAL;
import static dev.millrace.tokenizer.MetadataBuilder.USER_DEFINED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.tokenizer.Tokenizer.TokenSpan;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The rules, on vocabularies small enough to see through. */
class TokenizerTest {
  @Test
  void byteLevelMergesByRankWithinWords() {
    MetadataBuilder builder = MetadataBuilder.byteLevel("b c", "a b", "ab c", "Ġ ab");
    Tokenizer tokenizer = builder.tokenizer();
    assertThat(encode(tokenizer, "abc")).containsExactly('a', builder.id("bc"));
    assertThat(encode(tokenizer, "ab ab")).containsExactly(builder.id("ab"), builder.id("Ġab"));
  }

  @Test
  void aWordThatIsATokenIsTakenWholeWhereMergesAreIgnored() {
    MetadataBuilder builder = MetadataBuilder.byteLevel("b c").token("abc", NORMAL);
    assertThat(encode(builder.tokenizer(), "abc")).containsExactly('a', builder.id("bc"));
    builder.with("tokenizer.ggml.pre", "llama-bpe").with("tokenizer.ggml.add_bos_token", false);
    assertThat(encode(builder.tokenizer(), "abc")).containsExactly(builder.id("abc"));
  }

  @Test
  void mergesThroughTextsThatAreNoTokensAreSpelledInBytesIfTheyAreLeftOver() {
    // "bc" is no token, but "abc" is made of it.
    MetadataBuilder builder =
        MetadataBuilder.byteLevel().merge("b c").merge("a bc").token("abc", NORMAL);
    Tokenizer tokenizer = builder.tokenizer();
    assertThat(encode(tokenizer, "abc")).containsExactly(builder.id("abc"));
    assertThat(encode(tokenizer, "xbc")).containsExactly('x', 'b', 'c');
  }

  @Test
  void byteLevelDecodesWhatItEncodedWhateverTheText() {
    Tokenizer tokenizer = MetadataBuilder.byteLevel("t h", "th e", "Ġ the", "Ã ©").tokenizer();
    Random random = new Random(3);
    for (int i = 0; i < 2_000; i++) {
      String text = RandomTexts.next(random, 30);
      assertThat(tokenizer.decode(encode(tokenizer, text), true)).isEqualTo(text);
    }
  }

  @Test
  void surrogatesWithoutPartnerBecomeReplacementCharacters() {
    Tokenizer tokenizer = MetadataBuilder.byteLevel().tokenizer();
    assertThat(tokenizer.decode(encode(tokenizer, "a\uD83Eb\uDD99"), true))
        .isEqualTo("a\uFFFDb\uFFFD");
  }

  @Test
  void longestSpecialTokensTakeTheirPlacesFirstAndThenTheLeftmost() {
    MetadataBuilder builder =
        MetadataBuilder.byteLevel()
            .token("ab", USER_DEFINED)
            .token("bcd", USER_DEFINED)
            .token("aa", USER_DEFINED);
    Tokenizer tokenizer = builder.tokenizer();
    assertThat(encode(tokenizer, "abcd")).containsExactly('a', builder.id("bcd"));
    assertThat(encode(tokenizer, "aaab")).containsExactly(builder.id("aa"), builder.id("ab"));
    assertThat(encode(tokenizer, "aaa")).containsExactly(builder.id("aa"), 'a');
  }

  @Test
  void controlTokensAreReadOnlyWhereAskedUserDefinedOnesAlways() {
    MetadataBuilder builder =
        MetadataBuilder.byteLevel().token("<|im_start|>", CONTROL).token("<tool>", USER_DEFINED);
    Tokenizer tokenizer = builder.tokenizer();
    String text = "<|im_start|><tool>";
    assertThat(tokenizer.encode(text, false, true)).containsExactly(256, 257);
    assertThat(tokenizer.encode(text, false, false)).hasSize(13).doesNotContain(256).contains(257);
    assertThat(tokenizer.isSpecial(256)).isTrue();
    assertThat(tokenizer.isSpecial(257)).isFalse();
  }

  @Test
  void noPlainTextBecomesAControlTokenByMerging() {
    Tokenizer tokenizer =
        MetadataBuilder.byteLevel()
            .merge("e n")
            .merge("en d")
            .token("en", NORMAL)
            .token("end", CONTROL)
            .tokenizer();
    assertThat(encode(tokenizer, "end")).containsExactly('e', 'n', 'd');
    MetadataBuilder scored =
        MetadataBuilder.sentencePiece()
            .token("e", NORMAL)
            .token("en", NORMAL)
            .token("end", CONTROL);
    assertThat(encode(scored.tokenizer(), "end")).doesNotContain(scored.id("end"));
  }

  @Test
  void bosAndEosAreAddedAsTheFileAndTheFamilySay() {
    MetadataBuilder builder =
        MetadataBuilder.byteLevel().token("<s>", CONTROL).token("<e>", CONTROL);
    builder.with("tokenizer.ggml.bos_token_id", 256L).with("tokenizer.ggml.eos_token_id", 257L);
    assertThat(builder.tokenizer().encode("a", true, true)).containsExactly('a');
    builder.with("tokenizer.ggml.pre", "llama3");
    assertThat(builder.tokenizer().encode("a", true, true)).containsExactly(256, 'a');
    assertThat(builder.tokenizer().encode("", true, true)).containsExactly(256);
    builder.with("tokenizer.ggml.add_eos_token", true).with("tokenizer.ggml.add_bos_token", false);
    assertThat(builder.tokenizer().encode("a", true, true)).containsExactly('a', 257);
    assertThat(builder.tokenizer().encode("a", false, true)).containsExactly('a');
    assertThat(MetadataBuilder.sentencePiece().tokenizer().encode("", true, true))
        .as("SentencePiece: BOS is 1")
        .containsExactly(1);
  }

  @Test
  void everyTokenThatTheFileNamesOrTheFamilyUsesEndsAText() {
    MetadataBuilder builder =
        MetadataBuilder.byteLevel()
            .token("<|im_end|>", CONTROL)
            .token("<|endoftext|>", NORMAL) // A mistake that files make.
            .token("stop", NORMAL)
            .token("</s>", NORMAL) // As in Qwen2's vocabulary: plain text.
            .token("<|eom_id|>", CONTROL)
            .token("halt", NORMAL)
            .with("tokenizer.ggml.eos_token_id", 258L)
            .with("tokenizer.ggml.eot_token_id", 261L);
    Tokenizer tokenizer = builder.tokenizer();
    assertThat(tokenizer.endOfGenerationIds()).containsExactly(256, 257, 258, 260, 261);
    assertThat(tokenizer.isEndOfGeneration(260)).isTrue();
    assertThat(tokenizer.isEndOfGeneration(259)).isFalse();
    assertThat(tokenizer.isSpecial(257)).isTrue();
    assertThat(MetadataBuilder.sentencePiece().tokenizer().endOfGenerationIds()).containsExactly(2);
  }

  @Test
  void sentencePieceMergesByScoreAndPutsASpaceInFront() {
    MetadataBuilder builder = scored();
    Tokenizer tokenizer = builder.tokenizer();
    assertThat(encode(tokenizer, "ab")).containsExactly(builder.id("▁a"), builder.id("b"));
    assertThat(encode(tokenizer, " b")).containsExactly(builder.id("▁▁"), builder.id("b"));
    assertThat(encode(tokenizer, "bab"))
        .containsExactly(builder.id("▁"), builder.id("b"), builder.id("ab"));
    assertThat(encode(tokenizer, "")).isEmpty();
    builder.with("tokenizer.ggml.add_space_prefix", false);
    assertThat(encode(builder.tokenizer(), "ab")).containsExactly(builder.id("ab"));
  }

  @Test
  void sentencePiecePutsTheSpaceAfterSpecialTokensToo() {
    MetadataBuilder builder = scored();
    assertThat(builder.tokenizer().encode("b</s>b", true, true))
        .containsExactly(1, builder.id("▁"), builder.id("b"), 2, builder.id("▁"), builder.id("b"));
  }

  @Test
  void sentencePieceRemovesExtraSpacesWhereTheFileSaysSo() {
    MetadataBuilder builder = scored().with("tokenizer.ggml.remove_extra_whitespaces", true);
    Tokenizer tokenizer = builder.tokenizer();
    assertThat(encode(tokenizer, "  b   b ")).isEqualTo(encode(tokenizer, "b b"));
    assertThat(encode(tokenizer, "   ")).isEmpty();
    assertThat(tokenizer.encodeWithSpans("  b   b ", false, false))
        .containsExactly(
            new TokenSpan(builder.id("▁"), 0, 2),
            new TokenSpan(builder.id("b"), 2, 3),
            new TokenSpan(builder.id("▁"), 3, 6),
            new TokenSpan(builder.id("b"), 6, 8));
  }

  @Test
  void sentencePieceFallsBackToBytesAndWithoutThemToUnknown() {
    Tokenizer tokenizer = scored().tokenizer();
    assertThat(tokenizer.encodeWithSpans("bé", false, false))
        .extracting(TokenSpan::id)
        .endsWith(3 + 0xC3, 3 + 0xA9);
    MetadataBuilder without =
        new MetadataBuilder()
            .with("tokenizer.ggml.model", "llama")
            .token("<unk>", MetadataBuilder.UNKNOWN)
            .token("<s>", CONTROL)
            .token("</s>", CONTROL)
            .token("▁", NORMAL);
    assertThat(encode(without.tokenizer(), "é")).containsExactly(3, 0);
  }

  @Test
  void spansAreBytesOfTheTextAndTheAddedSpaceTakesNone() {
    MetadataBuilder builder = scored();
    assertThat(builder.tokenizer().encodeWithSpans("ab é<", true, true))
        .containsExactly(
            new TokenSpan(1, 0, 0),
            new TokenSpan(builder.id("▁a"), 0, 1),
            new TokenSpan(builder.id("b"), 1, 2),
            new TokenSpan(builder.id("▁"), 2, 3),
            new TokenSpan(3 + 0xC3, 3, 4),
            new TokenSpan(3 + 0xA9, 4, 5),
            new TokenSpan(3 + '<', 5, 6));
  }

  @Test
  void decodingAWholeTextTakesTheAddedSpaceOffAgainContinuingOneKeepsIt() {
    MetadataBuilder builder = scored();
    Tokenizer tokenizer = builder.tokenizer();
    int[] ids = tokenizer.encode("ab", true, true);
    assertThat(tokenizer.decode(ids, true)).isEqualTo("ab");
    assertThat(tokenizer.decode(ids, false)).isEqualTo("<s> ab");
    assertThat(tokenizer.decode(tokenizer.encode("  ab", true, true), true)).isEqualTo("  ab");
    assertThat(tokenizer.decoder(true).add(builder.id("▁a"))).isEqualTo(" a");
  }

  @Test
  void piecesAreBytes() {
    MetadataBuilder builder = MetadataBuilder.byteLevel("Ġ a").token("é x", USER_DEFINED);
    Tokenizer tokenizer = builder.tokenizer();
    assertThat(tokenizer.piece(builder.id("Ġa"))).containsExactly(' ', 'a');
    assertThat(tokenizer.piece(0xC3)).containsExactly(0xC3);
    assertThat(tokenizer.piece(builder.id("é x")))
        .isEqualTo("é x".getBytes(StandardCharsets.UTF_8));
    assertThat(scored().tokenizer().piece(3 + 0x0A)).containsExactly('\n');
  }

  @Test
  void aMegabyteWithoutSpacesIsEncodedAndDecodedAgain() {
    String text = "abcdefghijklmnop".repeat(1 << 16);
    for (MetadataBuilder builder : List.of(MetadataBuilder.byteLevel("a b", "c d"), scored())) {
      Tokenizer tokenizer = builder.tokenizer();
      assertThat(tokenizer.decode(encode(tokenizer, text), true)).isEqualTo(text);
    }
  }

  @Test
  void textsBeyondTheLimitAreRefused() {
    Tokenizer tokenizer = MetadataBuilder.byteLevel().tokenizer();
    String text = "x".repeat(SubwordTokenizer.MAX_TEXT_BYTES + 1);
    assertThatThrownBy(() -> tokenizer.encode(text, false, false))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("67108864");
  }

  @Test
  void isSharedBetweenThreads() {
    Tokenizer tokenizer = MetadataBuilder.byteLevel("a b", "ab c").tokenizer();
    int[] alone = encode(tokenizer, "abc abcd dcba".repeat(100));
    assertThat(
            IntStream.range(0, 64)
                .parallel()
                .mapToObj(i -> encode(tokenizer, "abc abcd dcba".repeat(100))))
        .allSatisfy(ids -> assertThat(ids).isEqualTo(alone));
  }

  /** Scores: "▁a" before "▁▁" before "ab". */
  private static MetadataBuilder scored() {
    return MetadataBuilder.sentencePiece()
        .token("▁", NORMAL, -9)
        .token("a", NORMAL, -9)
        .token("b", NORMAL, -9)
        .token("ab", NORMAL, -3)
        .token("▁▁", NORMAL, -2)
        .token("▁a", NORMAL, -1);
  }

  private static int[] encode(Tokenizer tokenizer, String text) {
    return tokenizer.encode(text, false, false);
  }
}
