package dev.millrace.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.tensor.ElementType;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** One answer, bit for bit, whatever the path through the network. */
class PathsAgreeTest {
  private static final Kernels SCALAR = new ScalarKernels();

  @ParameterizedTest
  @EnumSource
  void onTheTinyModel(ElementType type) {
    TinyModel model = new TinyModel(type);
    try (PromptRunner small = new PromptRunner(model, SCALAR, 1, 16, PromptRunner.PROMPT);
        PromptRunner large = new PromptRunner(model, SCALAR, 2, 48, PromptRunner.PROMPT)) {
      String expected = small.atOnce();
      for (PromptRunner runner : new PromptRunner[] {small, large}) {
        assertThat(runner.atOnce()).isEqualTo(expected);
        assertThat(runner.tokenByToken()).isEqualTo(expected);
        assertThat(runner.inRandomChunks()).isEqualTo(expected);
        assertThat(runner.together()).isEqualTo(expected);
      }
    }
  }
}
