package dev.millrace.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.millrace.catalog.ModelReference.HuggingFace;
import dev.millrace.catalog.ModelReference.LocalFile;
import dev.millrace.catalog.ModelReference.Named;
import dev.millrace.catalog.ModelReference.Synthetic;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ModelReferenceTest {
  @Test
  void readsEveryForm() {
    assertThat(ModelReference.parse("")).isEqualTo(new Named("smollm2-135m-instruct"));
    assertThat(ModelReference.parse("smollm2")).isEqualTo(new Named("smollm2"));
    assertThat(ModelReference.parse("model.gguf")).isEqualTo(new LocalFile(Path.of("model.gguf")));
    assertThat(ModelReference.parse("/a b/model")).isEqualTo(new LocalFile(Path.of("/a b/model")));
    assertThat(ModelReference.parse("hf:some-one/A.Model_2/q4/model-Q4_0.gguf"))
        .isEqualTo(new HuggingFace("some-one", "A.Model_2", "q4/model-Q4_0.gguf"));
    assertThat(ModelReference.parse("synthetic:tiny"))
        .isEqualTo(new Synthetic("tiny", Optional.empty()));
    assertThat(ModelReference.parse("synthetic:llama-3-8b:Q8_0"))
        .isEqualTo(new Synthetic("llama-3-8b", Optional.of("Q8_0")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "hf:",
        "hf:owner/repo",
        "hf:owner//file.gguf",
        "hf:../../etc/x.gguf",
        "hf:owner/../x.gguf",
        "hf:owner/repo/../../../x.gguf",
        "hf:owner/repo/a/./x.gguf",
        "hf:owner/repo//x.gguf",
        "hf:owner/repo/.hidden.gguf",
        "hf:owner/repo/model.bin",
        "hf:owner/repo/x.gguf?download=true&y=.gguf",
        "hf:owner/repo/x%2F..%2Fy.gguf",
        "hf:owner/repo/a\\b.gguf",
        "hf:user@host/repo/x.gguf",
        "hf:owner/repo/x\n.gguf",
        "hf:owner/repo/1/2/3/4/5/6/7/8/9.gguf",
        "synthetic:tiny:Q4_0:more",
        "a\0b.gguf"
      })
  void refusesWhatMeansNothingOrLeadsOutOfTheCache(String text) {
    assertThatExceptionOfType(ModelUnavailableException.class)
        .isThrownBy(() -> ModelReference.parse(text));
  }
}
