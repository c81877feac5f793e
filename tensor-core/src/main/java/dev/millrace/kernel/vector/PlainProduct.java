package dev.millrace.kernel.vector;

import static dev.millrace.kernel.vector.Lanes.ADDRESS_BITS;
import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.VectorWeights.LANES_BYTES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import jdk.incubator.vector.FloatVector;

/**
 * F32, F16 and BF16 weights times rows. Two vectors of outputs are a strip. Some columns of a strip
 * are unpacked to float32 for all rows; then tiles of 4 rows × 2 vectors run over them with their
 * sums in registers.
 */
final class PlainProduct {
  private static final int TILE_ROWS = 4;

  /** Rows that share one unpacking. */
  private static final int MAX_ROWS = 128;

  /** Columns of an unpacking: even, for pairs of 16-bit weights. */
  private static final int MAX_COLUMNS = 128;

  private static final long PAIR = Unpack.PAIR;

  /** Scratch: the strip's columns [MAX_COLUMNS][2L]; y so far [MAX_ROWS][2L]. */
  private static final long WEIGHTS = 0;

  private static final long TOTALS = WEIGHTS + MAX_COLUMNS * PAIR;

  static {
    Scratch.require(TOTALS + MAX_ROWS * PAIR);
  }

  private PlainProduct() {}

  /**
   * @param x address of the first row
   * @param y address of the first row's output 0
   */
  static void multiply(VectorWeights w, long x, int rows, long y, int yStride, int from, int to) {
    long xRowBytes = w.columns() * (long) Float.BYTES;
    long yRowBytes = yStride * (long) Float.BYTES;
    for (int output = from; output < to; output += 2 * Lanes.LENGTH) {
      for (int row = 0; row < rows; row += MAX_ROWS) {
        int count = Math.min(MAX_ROWS, rows - row);
        long target = y + row * yRowBytes + output * 4L;
        strip(w, output, to, x + row * xRowBytes, xRowBytes, count, target, yRowBytes);
      }
    }
  }

  private static void strip(
      VectorWeights w,
      int output,
      int to,
      long x,
      long xRowBytes,
      int rows,
      long y,
      long yRowBytes) {
    long weights = Scratch.address() + WEIGHTS;
    long totals = Scratch.address() + TOTALS;
    clear(totals, rows);
    for (int column = 0; column < w.columns(); column += MAX_COLUMNS) {
      int columns = Math.min(MAX_COLUMNS, w.columns() - column);
      int second = output + Lanes.LENGTH < to ? output + Lanes.LENGTH : output; // none: twice
      unpack(w, output, column, columns, weights);
      unpack(w, second, column, columns, weights + Lanes.BYTES);
      for (int row = 0; row < rows; row += TILE_ROWS) {
        int live = Math.min(TILE_ROWS, rows - row);
        long first = x + row * xRowBytes + column * 4L;
        if (live == 1) {
          row(first, columns, weights, totals + row * PAIR);
        } else {
          tile(first, xRowBytes, live, columns, weights, totals + row * PAIR);
        }
      }
    }
    Lanes.copyRows(totals, PAIR, rows, Math.min(2 * Lanes.LENGTH, to - output), y, yRowBytes);
  }

  private static void clear(long totals, int rows) {
    for (int i = 0; i < 2 * rows; i++) {
      FloatVector.zero(FLOATS).intoMemorySegment(MEMORY, totals + i * Lanes.BYTES, ORDER);
    }
  }

  private static void unpack(VectorWeights w, int output, int column, int columns, long to) {
    long from = w.address(output);
    switch (w.type()) {
      case F32 -> Unpack.floats(from + column * LANES_BYTES, columns, to);
      case F16 -> Unpack.halves(from + column / 2 * LANES_BYTES, columns, to);
      case BF16 -> Unpack.bfloats(from + column / 2 * LANES_BYTES, columns, to);
      default -> throw new IllegalStateException(w.type() + " isn't plain");
    }
  }

  /** Goes on with the sums of one row, [2L]. */
  private static void row(long x, int columns, long weights, long totals) {
    long w = weights & ADDRESS_BITS;
    long from = x & ADDRESS_BITS;
    long to = totals & ADDRESS_BITS;
    FloatVector s0 = fromMemorySegment(FLOATS, MEMORY, to, ORDER);
    FloatVector s1 = fromMemorySegment(FLOATS, MEMORY, to + Lanes.BYTES, ORDER);
    for (int k = 0; k < columns; k++) {
      FloatVector a = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, from + k * 4L));
      s0 = fromMemorySegment(FLOATS, MEMORY, w + k * PAIR, ORDER).fma(a, s0);
      s1 = fromMemorySegment(FLOATS, MEMORY, w + k * PAIR + Lanes.BYTES, ORDER).fma(a, s1);
    }
    s0.intoMemorySegment(MEMORY, to, ORDER);
    s1.intoMemorySegment(MEMORY, to + Lanes.BYTES, ORDER);
  }

  /**
   * Goes on with the sums of 4 rows, [4][2L]. Where fewer are live the last one stands in for the
   * others.
   */
  private static void tile(
      long x, long rowBytes, int live, int columns, long weights, long totals) {
    long w = weights & ADDRESS_BITS;
    long xa = x & ADDRESS_BITS;
    long xb = x + Math.min(1, live - 1) * rowBytes & ADDRESS_BITS;
    long xc = x + Math.min(2, live - 1) * rowBytes & ADDRESS_BITS;
    long xd = x + (live - 1) * rowBytes & ADDRESS_BITS;
    long to = totals & ADDRESS_BITS;
    FloatVector s00 = fromMemorySegment(FLOATS, MEMORY, to, ORDER);
    FloatVector s01 = fromMemorySegment(FLOATS, MEMORY, to + Lanes.BYTES, ORDER);
    FloatVector s10 = fromMemorySegment(FLOATS, MEMORY, to + PAIR, ORDER);
    FloatVector s11 = fromMemorySegment(FLOATS, MEMORY, to + PAIR + Lanes.BYTES, ORDER);
    FloatVector s20 = fromMemorySegment(FLOATS, MEMORY, to + 2 * PAIR, ORDER);
    FloatVector s21 = fromMemorySegment(FLOATS, MEMORY, to + 2 * PAIR + Lanes.BYTES, ORDER);
    FloatVector s30 = fromMemorySegment(FLOATS, MEMORY, to + 3 * PAIR, ORDER);
    FloatVector s31 = fromMemorySegment(FLOATS, MEMORY, to + 3 * PAIR + Lanes.BYTES, ORDER);
    for (int k = 0; k < columns; k++) {
      FloatVector w0 = fromMemorySegment(FLOATS, MEMORY, w + k * PAIR, ORDER);
      FloatVector w1 = fromMemorySegment(FLOATS, MEMORY, w + k * PAIR + Lanes.BYTES, ORDER);
      FloatVector a = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, xa + k * 4L));
      s00 = w0.fma(a, s00);
      s01 = w1.fma(a, s01);
      FloatVector b = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, xb + k * 4L));
      s10 = w0.fma(b, s10);
      s11 = w1.fma(b, s11);
      FloatVector c = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, xc + k * 4L));
      s20 = w0.fma(c, s20);
      s21 = w1.fma(c, s21);
      FloatVector d = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, xd + k * 4L));
      s30 = w0.fma(d, s30);
      s31 = w1.fma(d, s31);
    }
    s00.intoMemorySegment(MEMORY, to, ORDER);
    s01.intoMemorySegment(MEMORY, to + Lanes.BYTES, ORDER);
    s10.intoMemorySegment(MEMORY, to + PAIR, ORDER);
    s11.intoMemorySegment(MEMORY, to + PAIR + Lanes.BYTES, ORDER);
    s20.intoMemorySegment(MEMORY, to + 2 * PAIR, ORDER);
    s21.intoMemorySegment(MEMORY, to + 2 * PAIR + Lanes.BYTES, ORDER);
    s30.intoMemorySegment(MEMORY, to + 3 * PAIR, ORDER);
    s31.intoMemorySegment(MEMORY, to + 3 * PAIR + Lanes.BYTES, ORDER);
  }
}
