package dev.millrace.network;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.gguf.GgufFile;
import dev.millrace.kernel.JavaProcess;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.kernel.vector.VectorKernels;
import dev.millrace.model.DefaultModel;
import dev.millrace.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * One answer, bit for bit: a prompt's logits, along every path through the network, on one thread
 * and two, with blocks of several sizes, with scalar, Vector (of every width) and emitted kernels.
 */
class PathsAgreeTest {
  private static final int PROMPT = PrintPaths.PROMPT;

  @ParameterizedTest
  @EnumSource
  void scalarKernelsOnTheTinyModel(ElementType type) {
    try (TinyModel model = new TinyModel(type);
        PromptRunner one = new PromptRunner(model, new ScalarKernels(), 1, 16, PROMPT, PROMPT);
        PromptRunner two = new PromptRunner(model, new ScalarKernels(), 2, 48, PROMPT, PROMPT)) {
      String expected = scalar(model);

      assertThat(one.allPaths().values()).hasSize(4).containsOnly(expected);
      assertThat(two.allPaths().values()).hasSize(4).containsOnly(expected);
    }
  }

  /** 0 bits are what the JVM prefers. */
  @ParameterizedTest
  @ValueSource(ints = {128, 256, 0})
  void vectorKernelsOnTheTinyModel(int bits) throws Exception {
    List<String> lines = vectorDigests(bits, "-Dthreads=1,2");

    for (ElementType type : ElementType.values()) {
      try (TinyModel model = new TinyModel(type)) {
        assertThat(lines.stream().filter(line -> line.contains(" " + type + " ")))
            .hasSize(8)
            .allMatch(line -> line.endsWith(scalar(model)));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"avx2", "avx512"})
  void emittedKernelsOnTheTinyModel(String isa) {
    Kernels emitted = emittedOrSkip(isa);
    for (ElementType type : ElementType.values()) {
      try (TinyModel model = new TinyModel(type);
          PromptRunner runner = new PromptRunner(model, emitted, 2, 32, PROMPT, PROMPT)) {
        assertThat(runner.allPaths().values()).hasSize(4).containsOnly(scalar(model));
      }
    }
  }

  private static Kernels emittedOrSkip(String isa) {
    try {
      return Tiers.choose("emitted", isa).kernels();
    } catch (IllegalArgumentException e) {
      return Assumptions.abort(e.getMessage());
    }
  }

  /** Three segments of attention, in waves where a step has many rows. */
  @Test
  void longPrompts() {
    try (TinyModel model = new TinyModel();
        PromptRunner scalar = new PromptRunner(model, new ScalarKernels(), 1, 32, 1100, 64);
        PromptRunner vector = new PromptRunner(model, new VectorKernels(), 2, 16, 1100, 64)) {
      String expected = scalar.atOnce();

      assertThat(scalar.inRandomChunks()).isEqualTo(expected);
      assertThat(vector.allPaths().values()).containsOnly(expected);
    }
  }

  @Test
  void allKernelsOnTheDefaultModel() throws Exception {
    Path path = DefaultModel.orSkip();
    String scalar;
    try (GgufFile file = GgufFile.open(path)) {
      try (PromptRunner runner = defaultModel(file, new ScalarKernels())) {
        scalar = runner.atOnce();
      }
      try (PromptRunner runner = defaultModel(file, Tiers.choose(Tiers.AUTO).kernels())) {
        assertThat(runner.allPaths().values()).hasSize(4).containsOnly(scalar);
      }
    }

    // All widths, and both numbers of threads, but not each with each: that would take minutes.
    String model = "-Dmodel=" + path;
    assertThat(vectorDigests(128, model, "-Dthreads=2"))
        .hasSize(4)
        .allMatch(line -> line.endsWith(scalar));
    assertThat(vectorDigests(256, model, "-Dthreads=1"))
        .hasSize(4)
        .allMatch(line -> line.endsWith(scalar));
    assertThat(vectorDigests(0, model, "-Dthreads=2"))
        .hasSize(4)
        .allMatch(line -> line.endsWith(scalar));
  }

  private static PromptRunner defaultModel(GgufFile file, Kernels kernels) {
    return new PromptRunner(file, kernels, 2, 16, PROMPT, PrintPaths.FILE_ROWS);
  }

  private static String scalar(TinyModel model) {
    try (PromptRunner runner =
        new PromptRunner(model, new ScalarKernels(), 1, 32, PROMPT, PROMPT)) {
      return runner.atOnce();
    }
  }

  private static List<String> vectorDigests(int bits, String... properties)
      throws IOException, InterruptedException {
    List<String> flags = new ArrayList<>(List.of(properties));
    flags.add("--add-modules=jdk.incubator.vector");
    if (bits != 0) {
      flags.add("-Dmillrace.vector.bits=" + bits);
    }
    return JavaProcess.run(PrintPaths.class, flags.toArray(String[]::new))
        .lines()
        .filter(line -> line.startsWith(PrintPaths.MARK))
        .toList();
  }
}
