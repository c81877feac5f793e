package dev.millrace.kernel.scalar;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.QuantizedRows;
import dev.millrace.kernel.Weights;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvType;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** The reference itself, against formats' definitions and double precision. */
class ScalarKernelsTest {
  private static final int SEED = 3;

  private final Kernels kernels = new ScalarKernels();
  private final Arena arena = Arena.ofConfined();
  private final Random random = new Random(SEED);

  @AfterEach
  void close() {
    arena.close();
  }

  @Test
  void blocksOfNibblesHaveTheirLowNibblesFirst() {
    MemorySegment block = arena.allocate(ElementType.Q4_0.blockBytes());
    block.set(JAVA_SHORT_UNALIGNED, 0, Float.floatToFloat16(0.5f));
    for (int i = 0; i < 16; i++) {
      block.set(
          JAVA_BYTE, 2 + i, (byte) (15 - i << 4 | i)); // column i holds i, 16 + i holds 15 − i
    }
    float[] row = lookup(ElementType.Q4_0, block, 32);
    for (int i = 0; i < 16; i++) {
      assertThat(row[i]).isEqualTo(0.5f * (i - 8));
      assertThat(row[16 + i]).isEqualTo(0.5f * (15 - i - 8));
    }
  }

  @Test
  void blocksWithAMinimumAddIt() {
    MemorySegment block = arena.allocate(ElementType.Q4_1.blockBytes());
    block.set(JAVA_SHORT_UNALIGNED, 0, Float.floatToFloat16(0.25f));
    block.set(JAVA_SHORT_UNALIGNED, 2, Float.floatToFloat16(-3f));
    block.set(JAVA_BYTE, 4 + 5, (byte) 0xA7);
    float[] row = lookup(ElementType.Q4_1, block, 32);
    assertThat(row[5]).isEqualTo(0.25f * 7 - 3);
    assertThat(row[21]).isEqualTo(0.25f * 10 - 3);
    assertThat(row[0]).isEqualTo(-3);
  }

  @Test
  void blocksOfBytesAreSigned() {
    MemorySegment block = arena.allocate(ElementType.Q8_0.blockBytes());
    block.set(JAVA_SHORT_UNALIGNED, 0, Float.floatToFloat16(2f));
    block.set(JAVA_BYTE, 2, (byte) -128);
    block.set(JAVA_BYTE, 33, (byte) 127);
    float[] row = lookup(ElementType.Q8_0, block, 32);
    assertThat(row[0]).isEqualTo(-256);
    assertThat(row[31]).isEqualTo(254);
  }

  @Test
  void sixteenBitFloatsAreWidenedExactly() {
    MemorySegment values = arena.allocate(4);
    values.set(JAVA_SHORT_UNALIGNED, 0, (short) 0x0001); // float16's least: 2⁻²⁴
    values.set(JAVA_SHORT_UNALIGNED, 2, (short) 0xC000);
    assertThat(lookup(ElementType.F16, values, 2)).containsExactly(0x1p-24f, -2f);
    values.set(JAVA_SHORT_UNALIGNED, 0, (short) 0x3F80);
    assertThat(lookup(ElementType.BF16, values, 2)).containsExactly(1f, -2f);
  }

  /** Identity weights show the rounded activations. */
  @ParameterizedTest
  @EnumSource
  void activationsAreRoundedToStepsOfTheirBlocksLargest(ActivationPrecision precision) {
    int columns = 64;
    MemorySegment identity = arena.allocate(ElementType.Q8_0.bytes((long) columns * columns));
    for (int r = 0; r < columns; r++) {
      for (int block = 0; block < 2; block++) {
        long at = (r * 2L + block) * ElementType.Q8_0.blockBytes();
        identity.set(JAVA_SHORT_UNALIGNED, at, Float.floatToFloat16(1f));
        if (r / 32 == block) {
          identity.set(JAVA_BYTE, at + 2 + r % 32, (byte) 1);
        }
      }
    }
    MemorySegment x = gaussians(3 * columns);
    for (int i = 0; i < 32; i++) {
      x.setAtIndex(JAVA_FLOAT, columns + i, 0x1p-101f); // below what counts
    }
    x.setAtIndex(JAVA_FLOAT, 2 * columns + 5, Float.POSITIVE_INFINITY);
    float[] y = multiply(ElementType.Q8_0, precision, identity, columns, columns, x, 3);
    for (int i = 0; i < columns; i++) {
      float largest = 0;
      for (int j = i / 32 * 32; j < i / 32 * 32 + 32; j++) {
        largest = Math.max(largest, Math.abs(x.getAtIndex(JAVA_FLOAT, j)));
      }
      assertThat(y[i])
          .isCloseTo(x.getAtIndex(JAVA_FLOAT, i), within(largest / (2 * precision.largest() - 1)));
      assertThat(y[columns + i] == 0).isEqualTo(i < 32);
      assertThat(y[2 * columns + i]).isNaN();
    }
  }

  @ParameterizedTest
  @EnumSource
  void productsAreNearTheSameSumsInDoublePrecision(ElementType type) {
    productsAreNear(type, ActivationPrecision.INT8, type.isQuantized() ? 0.02 : 1e-6);
  }

  @ParameterizedTest
  @EnumSource
  void productsOfInt16AreNearer(ElementType type) {
    productsAreNear(type, ActivationPrecision.INT16, type.isQuantized() ? 1e-4 : 1e-6);
  }

  /** Blocks of one value times rows of one value: the largest sums that there are. */
  @ParameterizedTest
  @EnumSource
  void theLargestSumsFit(ActivationPrecision precision) {
    for (ElementType type : ElementType.values()) {
      for (int fill : type.isQuantized() ? new int[] {0x00, 0x7F, 0x80, 0xFF} : new int[0]) {
        int columns = 256;
        MemorySegment file = arena.allocate(type.bytes(columns));
        file.fill((byte) fill);
        for (long at = 0; at < file.byteSize(); at += type.blockBytes()) {
          file.set(JAVA_SHORT_UNALIGNED, at + type.scaleOffset(), Float.floatToFloat16(0.5f));
          if (type.hasMinimum()) {
            file.set(JAVA_SHORT_UNALIGNED, at + 2, Float.floatToFloat16(0.25f));
          }
        }
        MemorySegment ones = arena.allocate(JAVA_FLOAT, columns);
        for (int i = 0; i < columns; i++) {
          ones.setAtIndex(JAVA_FLOAT, i, 1);
        }
        double sum = 0;
        for (float value : lookup(type, file, columns)) {
          sum += value;
        }
        float[] y = multiply(type, precision, file, 1, columns, ones, 1);
        assertThat((double) y[0])
            .as("%s, bytes of %02x", type, fill)
            .isCloseTo(sum, within(Math.abs(sum) * 1e-5));
      }
    }
  }

  /** Rounding errs by half of a block's largest value over the precision's, at random. */
  private void productsAreNear(ElementType type, ActivationPrecision precision, double tolerance) {
    int outputs = 20;
    int columns = 256;
    int rows = 3;
    MemorySegment file = weights(type, outputs * columns);
    MemorySegment x = gaussians(rows * columns);
    float[] y = multiply(type, precision, file, outputs, columns, x, rows);
    Weights w = kernels.pack(type, file, outputs, columns, arena);
    MemorySegment row = arena.allocate(JAVA_FLOAT, columns);
    for (int r = 0; r < outputs; r++) {
      kernels.lookup(w, r, row, 0);
      for (int t = 0; t < rows; t++) {
        double sum = 0;
        double magnitude = 0;
        for (int k = 0; k < columns; k++) {
          double product =
              (double) row.getAtIndex(JAVA_FLOAT, k)
                  * x.getAtIndex(JAVA_FLOAT, (long) t * columns + k);
          sum += product;
          magnitude += Math.abs(product);
        }
        assertThat((double) y[t * outputs + r]).isCloseTo(sum, within(magnitude * tolerance));
      }
    }
  }

  @Test
  void aNormalizedRowHasMeanSquareOne() {
    int columns = 77;
    MemorySegment x = gaussians(2 * columns);
    MemorySegment ones = arena.allocate(JAVA_FLOAT, columns);
    for (int i = 0; i < columns; i++) {
      ones.setAtIndex(JAVA_FLOAT, i, 1);
    }
    MemorySegment y = arena.allocate(JAVA_FLOAT, 2L * columns);
    kernels.rmsNorm(x, ones, 0, y, columns, 1, 2);
    double sum = 0;
    for (int i = 0; i < columns; i++) {
      assertThat(y.getAtIndex(JAVA_FLOAT, i)).isZero(); // not asked for
      double value = y.getAtIndex(JAVA_FLOAT, columns + i);
      sum += value * value;
    }
    assertThat(sum / columns).isCloseTo(1, within(1e-6));
  }

  @Test
  void pairsAreTurnedByTheirPositionsAngle() {
    MemorySegment x = arena.allocateFrom(JAVA_FLOAT, 1, 2, 3, 4);
    MemorySegment cosSin = arena.allocateFrom(JAVA_FLOAT, 9, 9, 9, 9, 0, 1, 1, 0);
    kernels.rope(x, 4, 1, 4, cosSin, new int[] {1}, 0, 1);
    assertThat(x.toArray(JAVA_FLOAT)).containsExactly(-2, 1, 3, 4);
  }

  @Test
  void attentionIsASoftmaxOverAllPositions() {
    int headDim = 8;
    int length = 600; // two segments
    int blockSize = 16;
    int blocks = Math.ceilDiv(length, blockSize);
    KvLayer layer =
        new KvLayer(
            arena.allocate(JAVA_FLOAT, (long) blocks * headDim * blockSize),
            arena.allocate(JAVA_FLOAT, (long) blocks * headDim * blockSize),
            1,
            headDim,
            blockSize,
            KvType.F32);
    int[] table = new int[blocks];
    MemorySegment k = gaussians(length * headDim);
    MemorySegment v = gaussians(length * headDim);
    for (int i = 0; i < length; i++) {
      table[i / blockSize] = blocks - 1 - i / blockSize;
      long row = (long) i * headDim * Float.BYTES;
      kernels.storeKv(layer, table[i / blockSize], i % blockSize, k, row, v, row);
    }
    MemorySegment q = gaussians(headDim);
    int stateBytes = Kernels.attentionStateFloats(headDim) * Float.BYTES;
    MemorySegment state = arena.allocate(2L * stateBytes, 64);
    kernels.attend(q, 0, 0, 1, 1, 0.5f, layer, table, 0, length, 0, state, 0, 0);
    kernels.attend(q, 0, 0, 1, 1, 0.5f, layer, table, 0, length, 1, state, stateBytes, 0);
    MemorySegment out = arena.allocate(JAVA_FLOAT, headDim);
    kernels.mergeSegments(state, 0, stateBytes, 2, 1, headDim, out, 0);

    double total = 0;
    double[] expected = new double[headDim];
    for (int i = 0; i < length; i++) {
      double score = 0;
      for (int d = 0; d < headDim; d++) {
        score += at(q, d) * at(k, i * headDim + d);
      }
      double weight = Math.exp(score * 0.5);
      total += weight;
      for (int d = 0; d < headDim; d++) {
        expected[d] += weight * at(v, i * headDim + d);
      }
    }
    for (int d = 0; d < headDim; d++) {
      assertThat(at(out, d)).isCloseTo(expected[d] / total, within(1e-5));
    }
  }

  @Test
  void scansFindTheFirstLargestAndSumExponentials() {
    MemorySegment x = gaussians(10_000);
    double sum = 0;
    for (int i = 0; i < 10_000; i++) {
      sum += Math.exp((at(x, i) - 3) / 2);
    }
    MemorySegment weights = gaussians(10_000);
    assertThat((double) kernels.exp(x, 0, 10_000, 3, 0.5f, weights, 0))
        .isCloseTo(sum, within(sum * 1e-6));
    assertThat(at(weights, 9_999)).isCloseTo(Math.exp((at(x, 9_999) - 3) / 2), within(1e-6));
    int[] selected = new int[10_000];
    int count = kernels.select(x, 0, 10_000, 2, 2.5f, selected);
    assertThat(Arrays.copyOf(selected, count))
        .isEqualTo(
            IntStream.range(0, 10_000).filter(i -> at(x, i) >= 2 && at(x, i) < 2.5).toArray());
    float[] sums = new float[Kernels.THRESHOLDS];
    kernels.sumsFrom(x, 0, weights, 0, 4_096, new float[] {-9, 0, 1, 9}, sums);
    double fromOne =
        IntStream.range(0, 4_096).filter(i -> at(x, i) >= 1).mapToDouble(i -> at(weights, i)).sum();
    assertThat((double) sums[2]).isCloseTo(fromOne, within(fromOne * 1e-6));
    assertThat(sums[3]).isZero();
    x.setAtIndex(JAVA_FLOAT, 777, 50);
    x.setAtIndex(JAVA_FLOAT, 7777, 50);
    assertThat(kernels.argmax(x, 0, 10_000)).isEqualTo(777);
    x.setAtIndex(JAVA_FLOAT, 9000, Float.NaN);
    assertThat(kernels.argmax(x, 0, 10_000)).isEqualTo(-1);
    assertThat(kernels.argmax(x, 0, 9000)).isEqualTo(777);
  }

  private static double at(MemorySegment segment, int index) {
    return segment.getAtIndex(JAVA_FLOAT, index);
  }

  private float[] lookup(ElementType type, MemorySegment row, int columns) {
    MemorySegment to = arena.allocate(JAVA_FLOAT, columns);
    kernels.lookup(kernels.pack(type, row, 1, columns, arena), 0, to, 0);
    return to.toArray(JAVA_FLOAT);
  }

  private float[] multiply(
      ElementType type,
      ActivationPrecision precision,
      MemorySegment file,
      int outputs,
      int columns,
      MemorySegment x,
      int rows) {
    QuantizedRows q =
        type.isQuantized() ? kernels.quantizedRows(precision, rows, columns, arena) : null;
    if (q != null) {
      kernels.quantize(x, q, 0, rows);
    }
    MemorySegment y = arena.allocate(JAVA_FLOAT, (long) rows * outputs);
    Weights w = kernels.pack(type, file, outputs, columns, arena);
    kernels.multiply(w, x, q, rows, y, outputs, 0, outputs);
    return y.toArray(JAVA_FLOAT);
  }

  private MemorySegment gaussians(int count) {
    MemorySegment values = arena.allocate(JAVA_FLOAT, count);
    for (int i = 0; i < count; i++) {
      values.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return values;
  }

  /** Random weights of ordinary magnitude. */
  private MemorySegment weights(ElementType type, int count) {
    MemorySegment bytes = arena.allocate(type.bytes(count));
    for (long at = 0; at < bytes.byteSize(); at += type.blockBytes()) {
      for (int i = 0; i < type.blockBytes(); i++) {
        bytes.set(JAVA_BYTE, at + i, (byte) random.nextInt());
      }
      float value = (float) random.nextGaussian();
      switch (type) {
        case F32 -> bytes.set(JAVA_FLOAT, at, value);
        case BF16 ->
            bytes.set(JAVA_SHORT_UNALIGNED, at, (short) (Float.floatToRawIntBits(value) >>> 16));
        default -> {
          long scale = at + type.scaleOffset();
          bytes.set(JAVA_SHORT_UNALIGNED, scale, Float.floatToFloat16(value));
          if (type.hasMinimum()) { // a sign of its own: K types subtract theirs
            float minimum = (float) (7 * random.nextGaussian());
            bytes.set(JAVA_SHORT_UNALIGNED, scale + 2, Float.floatToFloat16(minimum));
          }
        }
      }
    }
    return bytes;
  }
}
