package dev.millrace.synthetic;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.within;

import dev.millrace.gguf.GgufFile;
import dev.millrace.gguf.GgufWriter;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Weights;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFile;
import dev.millrace.model.ModelFormatException;
import dev.millrace.model.TensorData;
import dev.millrace.tensor.ElementType;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.DoubleSummaryStatistics;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SyntheticModelsTest {
  /** Counts as the models' authors publish them. */
  @ParameterizedTest
  @CsvSource({
    "smollm2-135m, 134515008",
    "tinyllama-1.1b, 1100048384",
    "llama-3.2-1b, 1235814400",
    "llama-2-7b, 6738415616",
    "llama-3-8b, 8030261248"
  })
  void shapesHaveTheRealModelsParameterCounts(String shape, long parameters) {
    assertThat(
            new SyntheticTensors(Shape.named(shape), ElementType.Q4_0)
                .recipes().stream()
                    .filter(recipe -> !recipe.name().equals("rope_freqs.weight"))
                    .mapToLong(SyntheticTensors.Recipe::elements)
                    .sum())
        .isEqualTo(parameters);
  }

  @ParameterizedTest
  @EnumSource
  void tensorsHaveTheBytesThatTheirShapesTake(ElementType type) {
    try (ModelFile model = open(shapeFor(type), type)) {
      assertThat(model.tensors().values())
          .allSatisfy(tensor -> assertThat(tensor.data().byteSize()).isEqualTo(tensor.bytes()));
    }
  }

  @Test
  void describesItselfByGgufsKeysAndNames() {
    try (ModelFile model = SyntheticModels.tiny()) {
      Metadata metadata = model.metadata();
      assertThat(model.name()).isEqualTo("synthetic:tiny:F32");
      assertThat(metadata.string("general.architecture")).isEqualTo("llama");
      assertThat(metadata.integer("llama.block_count")).isEqualTo(2);
      assertThat(metadata.integer("llama.attention.head_count_kv")).isEqualTo(2);
      assertThat(metadata.integer("llama.rope.dimension_count")).isEqualTo(16);
      assertThat(metadata.findNumber("llama.rope.freq_base")).contains(10_000f);
      assertThat(model.find("blk.1.attn_k.weight").orElseThrow().shape()).containsExactly(32L, 64L);
      assertThat(model.find("blk.1.ffn_down.weight").orElseThrow().shape())
          .containsExactly(64L, 160L);
      assertThat(model.find("output.weight").orElseThrow().shape()).containsExactly(320L, 64L);
      assertThat(model.tensors()).hasSize(3 + 2 * 9);
    }
  }

  @Test
  void vocabularyIsGpt2sBytesThenSpecialsThenUniqueWords() {
    try (ModelFile model = SyntheticModels.tiny()) {
      List<String> tokens = model.metadata().strings("tokenizer.ggml.tokens");
      assertThat(tokens).hasSize(320).doesNotHaveDuplicates();
      assertThat(tokens.get('a')).isEqualTo("a");
      assertThat(tokens.get(' ')).isEqualTo("Ġ");
      assertThat(tokens.get('\n')).isEqualTo("Ċ");
      assertThat(tokens.get(0x7F)).isEqualTo("ġ");
      assertThat(tokens.get(0xAD)).isEqualTo("Ń");
      assertThat(tokens.get(0xFF)).isEqualTo("ÿ");
      assertThat(tokens.get(model.metadata().integer("tokenizer.ggml.eos_token_id")))
          .isEqualTo("<|eos|>");
      int[] types = model.metadata().findInts("tokenizer.ggml.token_type").orElseThrow();
      assertThat(types).hasSize(320);
      assertThat(types[256]).isEqualTo(3);
      assertThat(types[258]).isEqualTo(1);
    }
  }

  @ParameterizedTest
  @EnumSource
  void weightsOfEveryTypeSpreadAroundZeroByOneOverTheRootOfTheirColumns(ElementType type) {
    try (ModelFile model = open(shapeFor(type), type)) {
      TensorData tensor = model.find("blk.0.ffn_gate.weight").orElseThrow();
      assertThat(tensor.type()).isEqualTo(type);
      double[] values = values(tensor);
      DoubleSummaryStatistics sum = new DoubleSummaryStatistics();
      double squares = 0;
      HashSet<Double> distinct = new HashSet<>();
      for (double value : values) {
        sum.accept(value);
        squares += value * value;
        distinct.add(value);
      }
      double deviation = Math.sqrt(squares / values.length);
      double expected = 1 / Math.sqrt(tensor.shape().getLast());
      assertThat(deviation).isCloseTo(expected, within(expected / 12));
      assertThat(sum.getAverage()).isCloseTo(0, within(expected / 25)); // 4 standard errors
      assertThat(sum.getMax()).isBetween(1.2 * expected, 3.2 * expected);
      assertThat(distinct).hasSizeGreaterThan(values.length / 10);
    }
  }

  @Test
  void normsLieAroundOne() {
    try (ModelFile model = open("tiny", ElementType.Q8_0)) {
      TensorData norm = model.find("output_norm.weight").orElseThrow();
      assertThat(norm.type()).isEqualTo(ElementType.F32);
      for (double value : values(norm)) {
        assertThat(value).isBetween(0.8, 1.2);
      }
    }
  }

  @Test
  void bytesAreNeverTheOneThatQuantizersLeaveOut() {
    try (ModelFile model = open("tiny", ElementType.Q8_0)) {
      HashSet<Byte> seen = new HashSet<>();
      MemorySegment data = model.find("token_embd.weight").orElseThrow().data();
      for (long i = 0; i < data.byteSize(); i++) {
        if (i % 34 >= 2) {
          seen.add(data.get(ValueLayout.JAVA_BYTE, i));
        }
      }
      assertThat(seen).hasSize(255).doesNotContain(Byte.MIN_VALUE);
    }
  }

  @ParameterizedTest
  @EnumSource
  void rowsAreTheSameWhateverTheyAreMadeTogetherWith(ElementType type) {
    try (ModelFile model = open(shapeFor(type), type);
        Arena arena = Arena.ofConfined()) {
      for (TensorData tensor : model.tensors().values()) {
        MemorySegment whole = tensor.data();
        long rowBytes = tensor.rowBytes();
        for (long from = 0, rows = 1; from < tensor.bytes(); rows += 2) {
          long count = Math.min(rows * rowBytes, tensor.bytes() - from);
          MemorySegment piece = tensor.content().read(from, count, arena);
          assertThat(piece.mismatch(whole.asSlice(from, count))).as(tensor.name()).isEqualTo(-1);
          from += count;
        }
      }
    }
  }

  @Test
  void sameRecipeHasTheSameFingerprint() {
    try (ModelFile a = open("tiny", ElementType.Q4_0);
        ModelFile b = open("tiny", ElementType.Q4_0)) {
      assertThat(a.fingerprint()).isEqualTo(b.fingerprint()).matches("[0-9a-f]{64}");
    }
  }

  @Test
  void otherTypesAndTensorsGiveOtherBits() {
    try (ModelFile f32 = open("tiny", ElementType.F32);
        ModelFile f16 = open("tiny", ElementType.F16)) {
      assertThat(f32.fingerprint()).isNotEqualTo(f16.fingerprint());
      MemorySegment gate = f32.find("blk.0.ffn_gate.weight").orElseThrow().data();
      assertThat(gate.mismatch(f32.find("blk.0.ffn_up.weight").orElseThrow().data()))
          .isBetween(0L, 7L);
      assertThat(gate.mismatch(f32.find("blk.1.ffn_gate.weight").orElseThrow().data()))
          .isBetween(0L, 7L);
    }
  }

  @Test
  void llama32sFrequenciesAreDividedByOneUpToThirtyTwo() {
    SyntheticTensors tensors = new SyntheticTensors(Shape.named("llama-3.2-1b"), ElementType.Q4_0);
    double[] divisors = values(tensors.tensors().getFirst());
    assertThat(divisors).hasSize(32).isSorted();
    // Turns in 8,192 positions: 1,303.8 · 500,000^(-i/32): 4.2 at 14, 1.2 at 17, 0.8 at 18.
    assertThat(divisors[0]).isEqualTo(1);
    assertThat(divisors[14]).isEqualTo(1);
    // Blended: 2.78 turns, (2.78 - 1)/3 = 0.593 of the old frequency and 0.407 of a 32nd of it.
    assertThat(divisors[15]).isCloseTo(1.651, within(0.01));
    assertThat(divisors[17]).isBetween(8.0, 12.0);
    assertThat(divisors[18]).isEqualTo(32);
    assertThat(divisors[31]).isEqualTo(32);
  }

  @Test
  void canBeWrittenAsGguf(@TempDir Path folder) throws IOException {
    Path path = folder.resolve("tiny.gguf");
    try (ModelFile model = open("tiny", ElementType.Q4_1)) {
      GgufWriter.write(path, model.metadata(), model.tensors().values());
      try (GgufFile file = GgufFile.open(path)) {
        assertThat(file.tensors().keySet()).containsExactlyElementsOf(model.tensors().keySet());
        assertThat(file.metadata().values().keySet())
            .containsExactlyElementsOf(model.metadata().values().keySet());
      }
    }
  }

  @Test
  void namesWhatThereIsWhenAskedForSomethingElse() {
    assertThatExceptionOfType(ModelFormatException.class)
        .isThrownBy(() -> SyntheticModels.open("huge", Optional.empty()))
        .withMessage(
            "synthetic model: no shape huge; there are tiny, small, smollm2-135m, tinyllama-1.1b,"
                + " llama-3.2-1b, llama-2-7b, llama-3-8b");
    assertThatExceptionOfType(ModelFormatException.class)
        .isThrownBy(() -> SyntheticModels.open("tiny", Optional.of("Q3_K")))
        .withMessageContaining("no weight type Q3_K; there are [F32, F16, BF16, Q4_0,");
  }

  @Test
  void rowsThatArentWholeBlocksAreRefusedByTheTensorsShape() {
    assertThatExceptionOfType(ModelFormatException.class)
        .isThrownBy(() -> SyntheticModels.open("smollm2-135m", Optional.of("Q4_K")))
        .withMessage(
            "synthetic:smollm2-135m:Q4_K: tensor token_embd.weight [49152, 576]: rows of 576 values"
                + " aren't whole blocks of 256");
  }

  /** A small model whose rows are whole blocks. */
  private static String shapeFor(ElementType type) {
    return type.hasSubScales() ? "small" : "tiny";
  }

  private static ModelFile open(String shape, ElementType type) {
    return SyntheticModels.open(shape, Optional.of(type.name()));
  }

  private static double[] values(TensorData tensor) {
    int columns = tensor.shape().getLast().intValue();
    int rows = tensor.shape().size() == 1 ? 1 : tensor.shape().getFirst().intValue();
    double[] values = new double[rows * columns];
    Kernels kernels = new ScalarKernels();
    try (Arena arena = Arena.ofConfined()) {
      Weights weights = kernels.pack(tensor.type(), tensor.data(), rows, columns, arena);
      MemorySegment row = arena.allocate(ValueLayout.JAVA_FLOAT, columns);
      for (int i = 0; i < values.length; i++) {
        if (i % columns == 0) {
          kernels.lookup(weights, i / columns, row, 0);
        }
        values[i] = row.getAtIndex(ValueLayout.JAVA_FLOAT, i % columns);
      }
    }
    return values;
  }
}
