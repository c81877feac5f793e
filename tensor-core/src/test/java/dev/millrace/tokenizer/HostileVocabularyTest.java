package dev.millrace.tokenizer;

import static dev.millrace.tokenizer.MetadataBuilder.BYTE;
import static dev.millrace.tokenizer.MetadataBuilder.CONTROL;
import static dev.millrace.tokenizer.MetadataBuilder.NORMAL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFormatException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.Test;

/** A model file is believed nothing: it is refused by one error that names the key, or it works. */
class HostileVocabularyTest {
  @Test
  void namesAnUnknownTokenizerAndWhatIsKnown() {
    refused(MetadataBuilder.byteLevel().with("tokenizer.ggml.model", "t5"))
        .hasMessageContaining("tokenizer.ggml.model")
        .hasMessageContaining("\"t5\"")
        .hasMessageContaining("gpt2, llama");
  }

  @Test
  void namesAnUnknownPreTokenizerAndWhatIsKnown() {
    refused(MetadataBuilder.byteLevel().with("tokenizer.ggml.pre", "x".repeat(1_000)))
        .hasMessageContaining("tokenizer.ggml.pre")
        .hasMessageContaining("smollm")
        .message()
        .hasSizeLessThan(1_000);
  }

  @Test
  void aMissingPreTokenizerIsTheDefault() {
    Map<String, Object> values =
        new HashMap<>(MetadataBuilder.byteLevel("1 2").metadata().values());
    values.remove("tokenizer.ggml.pre");
    assertThat(Tokenizers.from(new Metadata(values)).encode("1234", false, false))
        .containsExactly(256, '3', '4');
  }

  @Test
  void refusesListsThatAreMissingOrEmptyOrTooShort() {
    refusedWithout("tokenizer.ggml.tokens");
    refusedWithout("tokenizer.ggml.merges");
    refused(MetadataBuilder.byteLevel().with("tokenizer.ggml.tokens", List.of()))
        .hasMessageContaining("tokenizer.ggml.tokens");
    refused(MetadataBuilder.byteLevel().with("tokenizer.ggml.token_type", new int[255]))
        .hasMessageContaining("255 entries for 256 tokens");
    refused(MetadataBuilder.sentencePiece().with("tokenizer.ggml.scores", new float[3]))
        .hasMessageContaining("tokenizer.ggml.scores");
  }

  @Test
  void refusesTokensThatCantBe() {
    refused(MetadataBuilder.byteLevel().token("a", NORMAL)).hasMessageContaining("97 and 256");
    refused(MetadataBuilder.byteLevel().token("x".repeat(1_025), NORMAL))
        .hasMessageContaining("token 256");
    refused(MetadataBuilder.byteLevel().token("é".repeat(600), NORMAL))
        .hasMessageContaining("1024 bytes");
    refused(MetadataBuilder.byteLevel().token("<0x1G>", BYTE)).hasMessageContaining("byte token");
    refused(MetadataBuilder.sentencePiece().token("a", NORMAL, Float.NaN))
        .hasMessageContaining("NaN");
  }

  @Test
  void refusesMergesThatAreNoPairs() {
    refused(MetadataBuilder.byteLevel().merge("ab"))
        .hasMessageContaining("tokenizer.ggml.merges: entry 0");
    refused(MetadataBuilder.byteLevel().merge("a ")).hasMessageContaining("\"a \"");
    refused(MetadataBuilder.byteLevel().merge("")).hasMessageContaining("entry 0");
  }

  @Test
  void refusesToAddATokenThatIsNone() {
    refused(MetadataBuilder.byteLevel().with("tokenizer.ggml.add_bos_token", true))
        .hasMessageContaining("tokenizer.ggml.bos_token_id");
    refused(
            MetadataBuilder.byteLevel()
                .with("tokenizer.ggml.add_eos_token", true)
                .with("tokenizer.ggml.eos_token_id", 999L))
        .hasMessageContaining("tokenizer.ggml.eos_token_id");
  }

  @Test
  void idsOutsideTheVocabularyAreNoTokens() {
    for (long id : new long[] {-1, 256, 0xFFFF_FFFFL, Long.MAX_VALUE}) {
      Tokenizer tokenizer =
          MetadataBuilder.byteLevel()
              .with("tokenizer.ggml.bos_token_id", id)
              .with("tokenizer.ggml.eos_token_id", id)
              .tokenizer();
      assertThat(tokenizer.bos()).isEmpty();
      assertThat(tokenizer.endOfGenerationIds()).isEmpty();
    }
    Metadata tiny =
        new MetadataBuilder().with("tokenizer.ggml.model", "llama").token("a", NORMAL).metadata();
    assertThat(Tokenizers.from(tiny).encode("xa", true, true)).containsExactly(0, 0, 0);
  }

  @Test
  void emptyAndStrangeTokensAreHarmless() {
    Tokenizer tokenizer =
        MetadataBuilder.byteLevel()
            .token("", CONTROL)
            .token("", NORMAL)
            .token("plain text", NORMAL)
            .merge("日 本")
            .merge("a b")
            .merge("a b")
            .tokenizer();
    assertThat(tokenizer.encode("abc 日本", false, true)).contains('a').hasSize(10);
    assertThat(tokenizer.decode(new int[] {256, 257, 258}, false)).isEqualTo("plain text");
  }

  /** Whatever a file holds, it is refused or it encodes and decodes. */
  @Test
  void randomVocabulariesAreRefusedOrWork() {
    Random random = new Random(23);
    int worked = 0;
    for (int round = 0; round < 3_000; round++) {
      Metadata metadata = randomMetadata(random);
      Tokenizer tokenizer;
      try {
        tokenizer = Tokenizers.from(metadata);
      } catch (ModelFormatException expected) {
        assertThat(expected).hasMessageContaining("tokenizer.ggml.");
        continue;
      }
      worked++;
      String text = RandomTexts.next(random, 10) + "ab<x>";
      for (int id : tokenizer.encode(text, true, random.nextBoolean())) {
        assertThat(id).isBetween(0, tokenizer.vocabularySize() - 1);
        assertThat(tokenizer.decoder(false).add(id)).isNotNull();
      }
    }
    assertThat(worked).isBetween(300, 2_700);
  }

  private static Metadata randomMetadata(Random random) {
    String[] parts = {"a", "b", "▁", "Ġ", "<x>", "é", "<0x41>", " ", "</s>", "\uD800", "", "日"};
    MetadataBuilder builder = new MetadataBuilder();
    builder.with("tokenizer.ggml.model", random.nextBoolean() ? "gpt2" : "llama");
    builder.with(
        "tokenizer.ggml.pre", List.of("gpt-2", "llama-bpe", "qwen2").get(random.nextInt(3)));
    for (int i = random.nextInt(8); i >= 0; i--) {
      String text = parts[random.nextInt(parts.length)] + parts[random.nextInt(parts.length)];
      int type = text.equals("<0x41>") ? BYTE : random.nextInt(-1, 6);
      float score = random.nextInt(20) == 0 ? Float.NEGATIVE_INFINITY : random.nextInt(3);
      builder.token(text, type, score);
    }
    for (int i = random.nextInt(3); i > 0; i--) {
      builder.merge(
          parts[random.nextInt(parts.length)] + " " + parts[random.nextInt(parts.length)]);
    }
    for (String key : List.of("bos_token_id", "eos_token_id", "unknown_token_id", "eot_token_id")) {
      if (random.nextBoolean()) {
        builder.with("tokenizer.ggml." + key, (long) random.nextInt(-2, 12));
      }
    }
    for (String key : List.of("add_bos_token", "add_eos_token", "add_space_prefix")) {
      if (random.nextInt(4) == 0) {
        builder.with("tokenizer.ggml." + key, random.nextBoolean());
      }
    }
    return builder.metadata();
  }

  private static void refusedWithout(String key) {
    Map<String, Object> values = new HashMap<>(MetadataBuilder.byteLevel().metadata().values());
    values.remove(key);
    assertThatThrownBy(() -> Tokenizers.from(new Metadata(values)))
        .isInstanceOf(ModelFormatException.class)
        .hasMessageContaining(key);
  }

  private static AbstractThrowableAssert<?, ? extends Throwable> refused(MetadataBuilder builder) {
    return assertThatThrownBy(builder::tokenizer).isInstanceOf(ModelFormatException.class);
  }
}
