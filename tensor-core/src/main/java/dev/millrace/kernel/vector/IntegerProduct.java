package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.vector.Lanes.ADDRESS_BITS;
import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.INTS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.VectorWeights.LANES_BYTES;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.IntVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.I2F;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Quantized weights times rows in int32, for sums that float32 wouldn't hold exactly, and for all
 * types that have no product of their own in float32. Two vectors of outputs are a strip. A block
 * of a strip is unpacked once for all rows, zero points taken away; then tiles of 4 rows × 2
 * vectors run over it, and each row's sums join its y so far.
 */
final class IntegerProduct {
  private static final int TILE_ROWS = 4;

  /** Rows that share one unpacking. */
  private static final int MAX_ROWS = 64;

  private static final long PAIR = Unpack.PAIR;
  private static final long ROW_BLOCK = QUANTIZATION_BLOCK * (long) Integer.BYTES;

  /** Scratch: a block's weights, int [32][2L]; a tile's sums, int [4][2L]; y so far [64][2L]. */
  private static final long WEIGHTS = 0;

  private static final long SUMS = WEIGHTS + QUANTIZATION_BLOCK * PAIR;
  private static final long TOTALS = SUMS + TILE_ROWS * PAIR;

  static {
    Scratch.require(TOTALS + MAX_ROWS * PAIR);
  }

  private IntegerProduct() {}

  /**
   * @param y address of the first row's output 0
   */
  static void multiply(
      VectorWeights w, VectorRows q, int rows, long y, int yStride, int from, int to) {
    long yRowBytes = yStride * (long) Float.BYTES;
    for (int output = from; output < to; output += 2 * Lanes.LENGTH) {
      for (int row = 0; row < rows; row += MAX_ROWS) {
        int count = Math.min(MAX_ROWS, rows - row);
        strip(w, output, to, q, row, count, y + row * yRowBytes + output * 4L, yRowBytes);
      }
    }
  }

  /** The last vector of outputs may be alone: it then stands in both places. */
  private static void strip(
      VectorWeights w,
      int output,
      int to,
      VectorRows q,
      int firstRow,
      int rows,
      long y,
      long yRowBytes) {
    long scratch = Scratch.address();
    for (int i = 0; i < 2 * rows; i++) {
      FloatVector.zero(FLOATS).intoMemorySegment(MEMORY, scratch + TOTALS + i * Lanes.BYTES, ORDER);
    }
    long w0 = w.address(output);
    long w1 = w.address(output + Lanes.LENGTH < to ? output + Lanes.LENGTH : output);
    long blockBytes = VectorWeights.blockBytes(w.type());
    long minimums = VectorWeights.minimums(w.type());
    int groups = VectorWeights.scales(w.type());
    int columns = w.type().scaleGroup();
    for (int block = 0; block < q.blocks(); block++) {
      long b0 = w0 + block * blockBytes;
      long b1 = w1 + block * blockBytes;
      UnpackBlock.unpack(w.type(), b0, scratch + WEIGHTS);
      UnpackBlock.unpack(w.type(), b1, scratch + WEIGHTS + Lanes.BYTES);
      for (int row = 0; row < rows; row += TILE_ROWS) {
        int live = Math.min(TILE_ROWS, rows - row);
        long x = q.integerAddress(firstRow + row) + block * ROW_BLOCK;
        long totals = scratch + TOTALS + row * PAIR;
        for (int group = 0; group < groups; group++) {
          int first = group * columns;
          sum(
              scratch + WEIGHTS + first * PAIR,
              x + first * 4L,
              q.rowBytes(),
              columns,
              live,
              scratch + SUMS);
          long scales = group * LANES_BYTES;
          for (int i = 0; i < live; i++) {
            float scale = Lanes.get(q.scaleAddress(firstRow + row + i) + block * 4L);
            long sums = scratch + SUMS + i * PAIR;
            join(b0 + scales, b1 + scales, scale, sums, totals + i * PAIR);
          }
        }
        for (int i = 0; w.type().hasMinimum() && i < live; i++) {
          float scale = Lanes.get(q.scaleAddress(firstRow + row + i) + block * 4L);
          float sum = Lanes.get(q.sumAddress(firstRow + row + i) + block * 4L);
          addMinima(b0 + minimums, b1 + minimums, scale * sum, totals + i * PAIR);
        }
      }
    }
    Lanes.copyRows(
        scratch + TOTALS, PAIR, rows, Math.min(2 * Lanes.LENGTH, to - output), y, yRowBytes);
  }

  /**
   * Writes Σ w·x of some columns for 4 rows of x and two vectors of outputs, [4][2L]. Where fewer
   * rows are live the last one stands in for the others.
   */
  private static void sum(long weights, long x, long rowBytes, int columns, int live, long sums) {
    long w = weights & ADDRESS_BITS;
    long xa = x & ADDRESS_BITS;
    long xb = x + Math.min(1, live - 1) * rowBytes & ADDRESS_BITS;
    long xc = x + Math.min(2, live - 1) * rowBytes & ADDRESS_BITS;
    long xd = x + (live - 1) * rowBytes & ADDRESS_BITS;
    IntVector s00 = IntVector.zero(INTS);
    IntVector s01 = IntVector.zero(INTS);
    IntVector s10 = IntVector.zero(INTS);
    IntVector s11 = IntVector.zero(INTS);
    IntVector s20 = IntVector.zero(INTS);
    IntVector s21 = IntVector.zero(INTS);
    IntVector s30 = IntVector.zero(INTS);
    IntVector s31 = IntVector.zero(INTS);
    for (int k = 0; k < columns; k++) {
      IntVector w0 = fromMemorySegment(INTS, MEMORY, w + k * PAIR, ORDER);
      IntVector w1 = fromMemorySegment(INTS, MEMORY, w + k * PAIR + Lanes.BYTES, ORDER);
      int a = MEMORY.get(JAVA_INT, xa + k * 4L);
      s00 = w0.mul(a).add(s00);
      s01 = w1.mul(a).add(s01);
      int b = MEMORY.get(JAVA_INT, xb + k * 4L);
      s10 = w0.mul(b).add(s10);
      s11 = w1.mul(b).add(s11);
      int c = MEMORY.get(JAVA_INT, xc + k * 4L);
      s20 = w0.mul(c).add(s20);
      s21 = w1.mul(c).add(s21);
      int d = MEMORY.get(JAVA_INT, xd + k * 4L);
      s30 = w0.mul(d).add(s30);
      s31 = w1.mul(d).add(s31);
    }
    long to = sums & ADDRESS_BITS;
    s00.intoMemorySegment(MEMORY, to, ORDER);
    s01.intoMemorySegment(MEMORY, to + Lanes.BYTES, ORDER);
    s10.intoMemorySegment(MEMORY, to + PAIR, ORDER);
    s11.intoMemorySegment(MEMORY, to + PAIR + Lanes.BYTES, ORDER);
    s20.intoMemorySegment(MEMORY, to + 2 * PAIR, ORDER);
    s21.intoMemorySegment(MEMORY, to + 2 * PAIR + Lanes.BYTES, ORDER);
    s30.intoMemorySegment(MEMORY, to + 3 * PAIR, ORDER);
    s31.intoMemorySegment(MEMORY, to + 3 * PAIR + Lanes.BYTES, ORDER);
  }

  /** Adds one row's sums, times the scales, to y so far. */
  private static void join(long scales0, long scales1, float scale, long sums, long totals) {
    joinVector(scales0 & ADDRESS_BITS, scale, sums & ADDRESS_BITS, totals & ADDRESS_BITS);
    joinVector(
        scales1 & ADDRESS_BITS,
        scale,
        sums + Lanes.BYTES & ADDRESS_BITS,
        totals + Lanes.BYTES & ADDRESS_BITS);
  }

  private static void joinVector(long scales, float scale, long sums, long totals) {
    FloatVector sum = (FloatVector) fromMemorySegment(INTS, MEMORY, sums, ORDER).convert(I2F, 0);
    sum.fma(
            fromMemorySegment(FLOATS, MEMORY, scales, ORDER).mul(scale),
            fromMemorySegment(FLOATS, MEMORY, totals, ORDER))
        .intoMemorySegment(MEMORY, totals, ORDER);
  }

  /** Adds the minima, times da·Σq, to y so far. */
  private static void addMinima(long minima0, long minima1, float scaledSum, long totals) {
    addMinimaVector(minima0 & ADDRESS_BITS, scaledSum, totals & ADDRESS_BITS);
    addMinimaVector(minima1 & ADDRESS_BITS, scaledSum, totals + Lanes.BYTES & ADDRESS_BITS);
  }

  private static void addMinimaVector(long minima, float scaledSum, long totals) {
    fromMemorySegment(FLOATS, MEMORY, minima, ORDER)
        .fma(
            FloatVector.broadcast(FLOATS, scaledSum),
            fromMemorySegment(FLOATS, MEMORY, totals, ORDER))
        .intoMemorySegment(MEMORY, totals, ORDER);
  }
}
