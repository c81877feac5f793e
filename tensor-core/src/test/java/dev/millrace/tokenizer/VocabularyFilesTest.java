package dev.millrace.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.fail;

import com.knuddels.jtokkit.Encodings;
import com.knuddels.jtokkit.api.Encoding;
import com.knuddels.jtokkit.api.EncodingType;
import dev.millrace.tokenizer.Tokenizer.TokenSpan;
import dev.millrace.tokenizer.VocabularyFiles.Example;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Ids and vocabularies from elsewhere: llama.cpp's vocabulary tests, GPT-2's vocabulary, SmolLM2.
 */
class VocabularyFilesTest {
  @ParameterizedTest
  @CsvSource({
    "llama-spm.json, ggml-vocab-llama-spm.gguf",
    "llama-bpe.json, ggml-vocab-llama-bpe.gguf",
    "qwen2.json, ggml-vocab-qwen2.gguf",
    // Phi-3's vocabulary is Llama 2's with special tokens behind.
    "phi-3.json, ggml-vocab-llama-spm.gguf",
  })
  void encodesEveryTextToTheExpectedIds(String examples, String vocabulary) {
    expectAll(VocabularyFiles.shared(vocabulary), VocabularyFiles.sharedExamples(examples));
  }

  @Test
  void encodesEveryTextToTheExpectedIdsWithGpt2sVocabulary() {
    expectAll(
        Tokenizers.from(VocabularyFiles.gpt2()), VocabularyFiles.sharedExamples("gpt-2.json"));
  }

  /** The expected ids were made by llama.cpp (llama_tokenize, no BOS, special tokens parsed). */
  @Test
  void encodesAsLlamaCppDoesWithTheDefaultModel() {
    expectAll(VocabularyFiles.defaultModel(), VocabularyFiles.examples("smollm2.json"));
  }

  @Test
  void encodesRandomTextsAsJtokkitDoesWithGpt2sVocabulary() {
    Tokenizer ours = Tokenizers.from(VocabularyFiles.gpt2());
    Encoding theirs = Encodings.newLazyEncodingRegistry().getEncoding(EncodingType.R50K_BASE);
    Random random = new Random(42);
    for (int i = 0; i < 1_000; i++) {
      String text = RandomTexts.next(random, 40);
      assertThat(ours.encode(text, false, false))
          .as("ids of %s", RandomTexts.escape(text))
          .isEqualTo(theirs.encodeOrdinary(text).toArray());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "ggml-vocab-llama-bpe.gguf, ▁",
    "ggml-vocab-qwen2.gguf, ▁",
    // SentencePiece's own sign for a space doesn't survive it.
    "ggml-vocab-llama-spm.gguf, x",
  })
  void decodesWhatItEncoded(String vocabulary, String spaceSign) {
    Tokenizer tokenizer = VocabularyFiles.shared(vocabulary);
    Random random = new Random(7);
    for (int i = 0; i < 500; i++) {
      String text = RandomTexts.next(random, 60).replace("▁", spaceSign);
      assertThat(tokenizer.decode(tokenizer.encode(text, true, false), true))
          .as(RandomTexts.escape(text))
          .isEqualTo(text);
    }
  }

  @ParameterizedTest
  @CsvSource({"ggml-vocab-llama-bpe.gguf", "ggml-vocab-qwen2.gguf", "ggml-vocab-llama-spm.gguf"})
  void spansCoverTheTextWithoutGapOrOverlap(String vocabulary) {
    Tokenizer tokenizer = VocabularyFiles.shared(vocabulary);
    Random random = new Random(8);
    for (int i = 0; i < 500; i++) {
      String text = RandomTexts.next(random, 60);
      List<TokenSpan> spans = tokenizer.encodeWithSpans(text, true, true);
      assertThat(spans.stream().mapToInt(TokenSpan::id).toArray())
          .isEqualTo(tokenizer.encode(text, true, true));
      int at = 0;
      for (TokenSpan span : spans) {
        if (span.begin() != at || span.end() < at) {
          fail(span + " follows a token that ends at " + at + ": " + RandomTexts.escape(text));
        }
        at = span.end();
      }
      assertThat(at).isEqualTo(text.getBytes(StandardCharsets.UTF_8).length);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "ggml-vocab-llama-bpe.gguf, 128001 128009, true",
    "ggml-vocab-llama-spm.gguf, 2, true",
    // </s> is plain text in Qwen2's vocabulary.
    "ggml-vocab-qwen2.gguf, 151643 151645, false",
  })
  void knowsWhatEndsATextAndWhatBeginsOne(String vocabulary, String ends, boolean addsBos) {
    Tokenizer tokenizer = VocabularyFiles.shared(vocabulary);
    assertThat(tokenizer.endOfGenerationIds())
        .containsExactly(List.of(ends.split(" ")).stream().mapToInt(Integer::parseInt).toArray());
    assertThat(tokenizer.addsBos()).isEqualTo(addsBos);
    int[] ids = tokenizer.encode("x", true, false);
    assertThat(ids[0] == tokenizer.bos().orElseThrow()).isEqualTo(addsBos);
  }

  @Test
  void knowsTheDefaultModelsSpecialTokens() {
    Tokenizer tokenizer = VocabularyFiles.defaultModel();
    // <|endoftext|>, <|im_end|>, <reponame>, as in llama.cpp.
    assertThat(tokenizer.endOfGenerationIds()).containsExactly(0, 2, 4);
    assertThat(tokenizer.encode("<|im_start|>user", true, true)).containsExactly(1, 4093);
    assertThat(tokenizer.encode("<|im_start|>user", true, false)).doesNotContain(1);
    assertThat(tokenizer.isSpecial(1)).isTrue();
    assertThat(tokenizer.isSpecial(4093)).isFalse();
  }

  private static void expectAll(Tokenizer tokenizer, Example[] examples) {
    assertThat(examples).hasSizeGreaterThan(20);
    for (Example example : examples) {
      assertThat(tokenizer.encode(example.text(), false, true))
          .as("ids of %s", RandomTexts.escape(example.text()))
          .isEqualTo(example.ids());
    }
  }
}
