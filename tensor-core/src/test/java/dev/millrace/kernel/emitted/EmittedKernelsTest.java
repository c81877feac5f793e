package dev.millrace.kernel.emitted;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.assembler.CodePages;
import dev.millrace.assembler.CpuFeatures;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.KernelsContract;
import dev.millrace.kernel.QuantizedRows;
import dev.millrace.kernel.Weights;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Emitted matrix products against what they mean, bit by bit. */
class EmittedKernelsTest {
  private final Random random = new Random(7);
  private final Kernels scalar = new ScalarKernels();

  @ParameterizedTest
  @EnumSource(Isa.class)
  void allKernelsEqualTheScalarOnes(Isa isa) {
    new KernelsContract(emitted(isa)).check();
  }

  private Kernels emitted(Isa isa) {
    assumeTrue(CodePages.isSupported(), "no code is emitted here");
    assumeTrue(isa.isIn(CpuFeatures.detect()), "this CPU has no " + isa);
    return new EmittedKernels(scalar, isa);
  }

  @ParameterizedTest
  @CsvSource({
    "AVX2,F32", "AVX2,F16", "AVX2,BF16", "AVX2,Q4_0", "AVX2,Q4_1", "AVX2,Q8_0",
    "AVX512,F32", "AVX512,F16", "AVX512,BF16", "AVX512,Q4_0", "AVX512,Q4_1", "AVX512,Q8_0"
  })
  void productsEqualTheScalarOnesForEveryTile(Isa isa, ElementType type) {
    Kernels emitted = emitted(isa);
    try (Arena arena = Arena.ofConfined()) {
      int columns = type.isQuantized() ? 96 : 37;
      int outputs = 16 * 3 + 5;
      MemorySegment source = weights(type, outputs * columns, arena);
      Weights expectedWeights = scalar.pack(type, source, outputs, columns, arena);
      Weights actualWeights = emitted.pack(type, source, outputs, columns, arena);
      for (int rows = 1; rows <= 35; rows++) {
        MemorySegment x = arena.allocate(4L * rows * columns, 64);
        for (int i = 0; i < rows * columns; i++) {
          x.setAtIndex(
              ValueLayout.JAVA_FLOAT,
              i,
              (float) (random.nextGaussian() * Math.exp(random.nextGaussian())));
        }
        if (rows > 2) { // a row of zeros, and one that isn't finite
          x.asSlice(0, 4L * columns).fill((byte) 0);
          x.setAtIndex(ValueLayout.JAVA_FLOAT, columns + random.nextInt(columns), Float.NaN);
        }
        MemorySegment expected = product(scalar, expectedWeights, x, rows, arena);
        MemorySegment actual = product(emitted, actualWeights, x, rows, arena);
        for (int i = 0; i < rows * (outputs + 3); i++) {
          float e = expected.getAtIndex(ValueLayout.JAVA_FLOAT, i);
          float a = actual.getAtIndex(ValueLayout.JAVA_FLOAT, i);
          assertThat(Float.floatToIntBits(a))
              .as("%d rows, y[%d]: %s, %s", rows, i, e, a)
              .isEqualTo(Float.floatToIntBits(e));
        }
      }
      MemorySegment expected = arena.allocate(4L * columns);
      MemorySegment actual = arena.allocate(4L * columns);
      for (int row = 0; row < outputs; row++) {
        scalar.lookup(expectedWeights, row, expected, 0);
        emitted.lookup(actualWeights, row, actual, 0);
        assertThat(actual.mismatch(expected)).isEqualTo(-1);
      }
    }
  }

  /** [rows][outputs + 3]: what lies behind a row's outputs must not be touched. */
  private static MemorySegment product(
      Kernels kernels, Weights w, MemorySegment x, int rows, Arena arena) {
    int stride = w.rows() + 3;
    MemorySegment y = arena.allocate(4L * rows * stride, 64);
    QuantizedRows q = null;
    if (w.type().isQuantized()) {
      q = kernels.quantizedRows(rows, w.columns(), arena);
      kernels.quantize(x, q, 0, rows);
    }
    int half = Math.min(32, w.rows());
    kernels.multiply(w, x, q, rows, y, stride, 0, half);
    kernels.multiply(w, x, q, rows, y, stride, half, w.rows());
    return y;
  }

  private MemorySegment weights(ElementType type, int count, Arena arena) {
    MemorySegment data = arena.allocate(type.bytes(count), 64);
    for (long i = 0; i < data.byteSize(); i++) {
      data.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
    }
    for (long block = 0; block < data.byteSize() / type.blockBytes(); block++) {
      long at = block * type.blockBytes();
      switch (type) {
        case F32 -> data.set(ValueLayout.JAVA_FLOAT, at, (float) random.nextGaussian());
        case F16 ->
            data.set(
                ValueLayout.JAVA_SHORT, at, Float.floatToFloat16((float) random.nextGaussian()));
        case BF16 ->
            data.set(
                ValueLayout.JAVA_SHORT,
                at,
                (short) (Float.floatToIntBits((float) random.nextGaussian()) >> 16));
        case Q4_1 -> {
          data.set(ValueLayout.JAVA_SHORT, at, Float.floatToFloat16((float) random.nextGaussian()));
          data.set(
              ValueLayout.JAVA_SHORT, at + 2, Float.floatToFloat16((float) random.nextGaussian()));
        }
        default ->
            data.set(
                ValueLayout.JAVA_SHORT_UNALIGNED,
                at,
                Float.floatToFloat16((float) random.nextGaussian()));
      }
    }
    return data;
  }
}
