package dev.millrace.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;

import dev.millrace.gguf.GgufFile;
import dev.millrace.kernel.JavaProcess;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.kernel.vector.VectorKernels;
import dev.millrace.kv.KvType;
import dev.millrace.model.DefaultModel;
import dev.millrace.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * One answer, bit for bit: a prompt's logits, along every path through the network, on one thread
 * and two, with blocks of several sizes, with scalar, Vector (of every width) and emitted kernels.
 */
class PathsAgreeTest {
  private static final int PROMPT = PrintPaths.PROMPT;

  /** 0 is what the JVM prefers. */
  static final List<Integer> VECTOR_BITS = List.of(128, 256, 0);

  /** Of the types with wide blocks the model isn't tiny: those meet the scalar kernels below. */
  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"Q4_K", "Q5_K", "Q6_K"})
  void scalarKernelsOnTheTinyModel(ElementType type) {
    try (TinyModel model = new TinyModel(type);
        PromptRunner one = new PromptRunner(model, new ScalarKernels(), 1, 16, PROMPT, PROMPT);
        PromptRunner two = new PromptRunner(model, new ScalarKernels(), 2, 48, PROMPT, PROMPT)) {
      String expected = scalar(model);

      assertThat(one.allPaths().values()).hasSize(4).containsOnly(expected);
      assertThat(two.allPaths().values()).hasSize(4).containsOnly(expected);
    }
  }

  @ParameterizedTest
  @FieldSource("VECTOR_BITS")
  void vectorKernelsOnTheTinyModel(int bits) throws Exception {
    List<String> lines = vectorDigests(bits);

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
    Kernels emitted = emitted(isa).orElseGet(() -> abort("no " + isa + " here"));
    for (ElementType type : ElementType.values()) {
      try (TinyModel model = new TinyModel(type);
          PromptRunner runner = new PromptRunner(model, emitted, 2, 32, PROMPT, PROMPT)) {
        assertThat(runner.allPaths().values()).hasSize(4).containsOnly(scalar(model));
      }
    }
  }

  private static Optional<Kernels> emitted(String isa) {
    try {
      return Optional.of(Tiers.choose("emitted", isa).kernels());
    } catch (IllegalArgumentException notHere) {
      return Optional.empty();
    }
  }

  /** Three segments of attention, in waves where a step has many rows. */
  @ParameterizedTest
  @EnumSource
  void longPrompts(KvType kvType) {
    try (TinyModel model = new TinyModel();
        PromptRunner scalar = longPrompt(model, new ScalarKernels(), 1, 32, kvType);
        PromptRunner vector = longPrompt(model, new VectorKernels(), 2, 16, kvType)) {
      String expected = scalar.atOnce();

      assertThat(scalar.inRandomChunks()).isEqualTo(expected);
      assertThat(vector.allPaths().values()).containsOnly(expected);
      for (String isa : List.of("avx2", "avx512")) {
        emitted(isa)
            .ifPresent(
                kernels -> {
                  try (PromptRunner fast = longPrompt(model, kernels, 2, 48, kvType)) {
                    assertThat(fast.allPaths().values()).as(isa).containsOnly(expected);
                  }
                });
      }
    }
  }

  private static PromptRunner longPrompt(
      TinyModel model, Kernels kernels, int threads, int blockSize, KvType kvType) {
    return new PromptRunner(model, kernels, threads, blockSize, 1100, 64, kvType);
  }

  /** The scalar kernels take minutes over this one: they pack nothing and share nothing. */
  @Test
  void allKernelsOnTheDefaultModel() throws Exception {
    Path path = DefaultModel.orSkip();
    Set<String> digests = new HashSet<>();
    try (GgufFile file = GgufFile.open(path)) {
      List<Kernels> inThisProcess = new ArrayList<>(List.of(new ScalarKernels()));
      for (String isa : List.of("avx2", "avx512")) {
        emitted(isa).ifPresent(inThisProcess::add);
      }
      for (Kernels kernels : inThisProcess) {
        for (int threads = 1; threads <= 2; threads++) {
          try (PromptRunner runner = new PromptRunner(file, kernels, threads, 16, PROMPT, PROMPT)) {
            Collection<String> paths = runner.allPaths().values();
            assertThat(paths).hasSize(4);
            digests.addAll(paths);
          }
        }
      }
    }
    for (int bits : VECTOR_BITS) {
      List<String> lines = vectorDigests(bits, "-Dmodel=" + path);
      assertThat(lines).hasSize(8);
      lines.forEach(line -> digests.add(line.substring(line.lastIndexOf(' ') + 1)));
    }
    assertThat(digests).hasSize(1);
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
