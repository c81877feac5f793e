package dev.millrace.measure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.model.ModelFile;
import dev.millrace.synthetic.SyntheticModels;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.tokenizer.Tokenizers;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class PerplexityTest {
  private static final int CONTEXT = 128;

  /**
   * What llama-perplexity (of llama-cpp-python 0.3.36) prints for the exported model: {@code
   * llama-perplexity -m tiny.gguf -f LICENSE -c 128 -fa off -ctk f32 -ctv f32}, 88 chunks.
   */
  private static final double LLAMA_CPP = 591.7751;

  private static final double LLAMA_CPP_ERROR = 7.57649;

  @Test
  void isWhatLlamaCppFindsOnTheSameModelAndText() throws IOException {
    List<Perplexity.Estimate> estimates = new ArrayList<>();
    try (ModelFile file = SyntheticModels.tiny();
        Perplexity perplexity = perplexity(file)) {
      Perplexity.Estimate last =
          perplexity.of(license(file), OptionalInt.of(256), 1000, estimates::add);

      assertThat(last.chunks()).isEqualTo(88);
      assertThat(last.tokens()).isEqualTo(88 * (CONTEXT / 2 - 1));
      assertThat(last.perplexity()).isCloseTo(LLAMA_CPP, within(LLAMA_CPP * 1e-5));
      assertThat(last.standardError()).isCloseTo(LLAMA_CPP_ERROR, within(LLAMA_CPP_ERROR * 1e-4));
      assertThat(estimates).hasSize(88).last().isEqualTo(last);
    }
  }

  @Test
  void readsNoMoreChunksThanAsked() throws IOException {
    try (ModelFile file = SyntheticModels.tiny();
        Perplexity perplexity = perplexity(file)) {
      assertThat(perplexity.of(license(file), OptionalInt.of(256), 3, _ -> {}).chunks())
          .isEqualTo(3);
    }
  }

  @Test
  void refusesATextThatIsTooShort() {
    try (ModelFile file = SyntheticModels.tiny();
        Perplexity perplexity = perplexity(file)) {
      assertThatThrownBy(
              () -> perplexity.of(new int[2 * CONTEXT - 1], OptionalInt.empty(), 9, _ -> {}))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessageContaining("255 tokens");
    }
  }

  private static Perplexity perplexity(ModelFile file) {
    return new Perplexity(file, Setup.of(new ScalarKernels(), 2), CONTEXT);
  }

  private static int[] license(ModelFile file) throws IOException {
    Tokenizer tokenizer = Tokenizers.from(file.metadata());
    return tokenizer.encode(Files.readString(Path.of("../LICENSE")).stripTrailing(), true, false);
  }
}
