package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.vector.Lanes.ADDRESS_BITS;
import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.Lanes.get;
import static dev.millrace.kernel.vector.Lanes.set;
import static dev.millrace.kernel.vector.VectorWeights.LANES_BYTES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import org.jspecify.annotations.Nullable;

/**
 * Weights times many rows. Two vectors of outputs are a strip; up to {@link #MAX_ROWS} rows meet it
 * at a time, {@link #CHUNK} columns at a time. A strip's chunk is unpacked once, to float32, for
 * all those rows; then tiles of 4 rows × 2 vectors run over it with their accumulators in
 * registers. Scratch, for L lanes:
 *
 * <pre>
 *   WEIGHTS  [CHUNK][2L]     the strip's chunk, unpacked
 *   SCALES   [blocks][4][L]  its d of both vectors, then its m of both
 *   DOTS     [blocks][4][2L] one tile's exact block sums
 *   SUMS     [MAX_ROWS][2L]  y so far
 * </pre>
 */
final class TileProduct {
  private static final int TILE_ROWS = 4;
  private static final int MAX_ROWS = 128;
  private static final int CHUNK = 128;
  private static final long BLOCK = QUANTIZATION_BLOCK * (long) Float.BYTES; // of activations
  private static final int CHUNK_BLOCKS = CHUNK / QUANTIZATION_BLOCK;

  private static final long PAIR = Unpack.PAIR;
  private static final long WEIGHTS = 0;
  private static final long SCALES = WEIGHTS + CHUNK * PAIR;
  private static final long DOTS = SCALES + 2 * PAIR * CHUNK_BLOCKS;
  private static final long SUMS = DOTS + TILE_ROWS * PAIR * CHUNK_BLOCKS;
  private static final long END = SUMS + MAX_ROWS * PAIR;

  static {
    if (END > Scratch.BYTES) {
      throw new AssertionError("a strip takes " + END + " bytes of " + Scratch.BYTES);
    }
  }

  private TileProduct() {}

  /**
   * @param x address of the first of the rows, for plain weights
   * @param q the rows, for quantized ones
   * @param y address of the first row's output 0
   */
  static void multiply(
      VectorWeights w,
      long x,
      @Nullable VectorRows q,
      int rows,
      long y,
      int yStride,
      int from,
      int to) {
    long scratch = Scratch.address();
    for (int output = from; output < to; output += 2 * Lanes.LENGTH) {
      for (int row = 0; row < rows; row += MAX_ROWS) {
        int count = Math.min(MAX_ROWS, rows - row);
        clear(scratch + SUMS, count);
        for (int column = 0; column < w.columns(); column += CHUNK) {
          int columns = Math.min(CHUNK, w.columns() - column);
          unpack(w, output, to, column, columns, scratch);
          if (q == null) {
            long first = x + ((long) row * w.columns() + column) * Float.BYTES;
            plainChunk(first, w.columns() * (long) Float.BYTES, count, columns, scratch);
          } else {
            quantizedChunk(q, w.hasMinimum(), row, count, column, columns, scratch);
          }
        }
        long target = y + ((long) row * yStride + output) * Float.BYTES;
        copyOut(scratch + SUMS, count, target, yStride * (long) Float.BYTES, to - output);
      }
    }
  }

  private static void clear(long sums, int rows) {
    for (int i = 0; i < 2 * rows; i++) {
      FloatVector.zero(FLOATS).intoMemorySegment(MEMORY, sums + i * Lanes.BYTES, ORDER);
    }
  }

  /** The last vector of all outputs may be alone: it then stands in both places. */
  private static void unpack(
      VectorWeights w, int output, int to, int column, int columns, long scratch) {
    unpack(w, w.address(output), column, columns, scratch);
    int second = output + Lanes.LENGTH < to ? output + Lanes.LENGTH : output;
    unpack(w, w.address(second), column, columns, scratch + Lanes.BYTES);
  }

  private static void unpack(VectorWeights w, long from, int column, int columns, long scratch) {
    long to = scratch + WEIGHTS;
    switch (w.type()) {
      case F32 -> Unpack.floats(from + column * LANES_BYTES, columns, to);
      case F16 -> Unpack.halves(from + column / 2 * LANES_BYTES, columns, to);
      case BF16 -> Unpack.bfloats(from + column / 2 * LANES_BYTES, columns, to);
      case Q4_0, Q4_1, Q8_0 -> {
        long blockBytes = VectorWeights.blockBytes(w.type());
        long block = from + column / QUANTIZATION_BLOCK * blockBytes;
        for (int i = 0; i < columns / QUANTIZATION_BLOCK; i++) {
          unpackWords(w, block, to + QUANTIZATION_BLOCK * PAIR * i);
          Unpack.scales(block, scratch + SCALES + 2 * PAIR * i);
          block += blockBytes;
        }
      }
    }
  }

  private static void unpackWords(VectorWeights w, long block, long to) {
    long words = block + VectorWeights.firstWord(w.type());
    switch (w.type()) {
      case Q4_0 -> Unpack.nibbles(words, 8, to);
      case Q4_1 -> Unpack.nibbles(words, 0, to);
      case Q8_0 -> Unpack.bytes(words, to);
      case F32, F16, BF16 -> throw new IllegalStateException(w.type() + " has no blocks");
    }
  }

  private static void plainChunk(long x, long rowBytes, int rows, int columns, long scratch) {
    int blocks = columns / QUANTIZATION_BLOCK;
    int whole = blocks * QUANTIZATION_BLOCK;
    for (int row = 0; row < rows; row += TILE_ROWS) {
      int live = Math.min(TILE_ROWS, rows - row);
      long sums = scratch + SUMS + row * PAIR;
      tile(x + row * rowBytes, rowBytes, live, blocks, scratch + WEIGHTS, sums, true);
      for (int i = 0; i < live && whole < columns; i++) {
        long rest = x + (row + i) * rowBytes + whole * 4L;
        addColumns(rest, columns - whole, scratch + WEIGHTS + whole * PAIR, sums + i * PAIR);
      }
    }
  }

  private static void quantizedChunk(
      VectorRows q,
      boolean hasMinimum,
      int firstRow,
      int rows,
      int column,
      int columns,
      long scratch) {
    int blocks = columns / QUANTIZATION_BLOCK;
    long scaleOffset = (long) (column / QUANTIZATION_BLOCK) * Float.BYTES;
    for (int row = 0; row < rows; row += TILE_ROWS) {
      int live = Math.min(TILE_ROWS, rows - row);
      long x = q.valueAddress(firstRow + row) + (long) column * Float.BYTES;
      tile(x, q.rowBytes(), live, blocks, scratch + WEIGHTS, scratch + DOTS, false);
      for (int i = 0; i < live; i++) {
        join(
            q.scaleAddress(firstRow + row + i) + scaleOffset,
            q.sumAddress(firstRow + row + i) + scaleOffset,
            blocks,
            hasMinimum,
            scratch + SCALES,
            scratch + DOTS + i * PAIR,
            scratch + SUMS + (row + i) * PAIR);
      }
    }
  }

  /**
   * Multiplies the strip with 4 rows of x, block by block of 32 columns, columns ascending: into
   * one sum a row and output, or, unless {@code joined}, one sum a block: [blocks][4][2L]. Where
   * fewer than 4 rows are live the last one stands in for the others.
   */
  private static void tile(
      long x, long rowBytes, int live, int blocks, long w, long sums, boolean joined) {
    // A branch would do, but where vectors of two branches meet C2 boxes them.
    VectorMask<Float> fresh = FLOATS.maskAll(!joined);
    long step = joined ? 0 : TILE_ROWS * PAIR;
    long x1 = x + Math.min(1, live - 1) * rowBytes;
    long x2 = x + Math.min(2, live - 1) * rowBytes;
    long x3 = x + (live - 1) * rowBytes;
    for (int block = 0; block < blocks; block++) {
      long wb = w + QUANTIZATION_BLOCK * PAIR * block & ADDRESS_BITS;
      long a0 = x + BLOCK * block & ADDRESS_BITS;
      long a1 = x1 + BLOCK * block & ADDRESS_BITS;
      long a2 = x2 + BLOCK * block & ADDRESS_BITS;
      long a3 = x3 + BLOCK * block & ADDRESS_BITS;
      long out = sums + step * block & ADDRESS_BITS;
      FloatVector s00 = fromMemorySegment(FLOATS, MEMORY, out, ORDER).blend(0, fresh);
      FloatVector s01 = fromMemorySegment(FLOATS, MEMORY, out + Lanes.BYTES, ORDER).blend(0, fresh);
      FloatVector s10 = fromMemorySegment(FLOATS, MEMORY, out + PAIR, ORDER).blend(0, fresh);
      FloatVector s11 =
          fromMemorySegment(FLOATS, MEMORY, out + PAIR + Lanes.BYTES, ORDER).blend(0, fresh);
      FloatVector s20 = fromMemorySegment(FLOATS, MEMORY, out + 2 * PAIR, ORDER).blend(0, fresh);
      FloatVector s21 =
          fromMemorySegment(FLOATS, MEMORY, out + 2 * PAIR + Lanes.BYTES, ORDER).blend(0, fresh);
      FloatVector s30 = fromMemorySegment(FLOATS, MEMORY, out + 3 * PAIR, ORDER).blend(0, fresh);
      FloatVector s31 =
          fromMemorySegment(FLOATS, MEMORY, out + 3 * PAIR + Lanes.BYTES, ORDER).blend(0, fresh);
      for (int k = 0; k < QUANTIZATION_BLOCK; k++) {
        FloatVector w0 = fromMemorySegment(FLOATS, MEMORY, wb + k * PAIR, ORDER);
        FloatVector w1 = fromMemorySegment(FLOATS, MEMORY, wb + k * PAIR + Lanes.BYTES, ORDER);
        FloatVector a = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, a0 + k * 4L));
        s00 = w0.fma(a, s00);
        s01 = w1.fma(a, s01);
        a = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, a1 + k * 4L));
        s10 = w0.fma(a, s10);
        s11 = w1.fma(a, s11);
        a = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, a2 + k * 4L));
        s20 = w0.fma(a, s20);
        s21 = w1.fma(a, s21);
        a = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, a3 + k * 4L));
        s30 = w0.fma(a, s30);
        s31 = w1.fma(a, s31);
      }
      s00.intoMemorySegment(MEMORY, out, ORDER);
      s01.intoMemorySegment(MEMORY, out + Lanes.BYTES, ORDER);
      s10.intoMemorySegment(MEMORY, out + PAIR, ORDER);
      s11.intoMemorySegment(MEMORY, out + PAIR + Lanes.BYTES, ORDER);
      s20.intoMemorySegment(MEMORY, out + 2 * PAIR, ORDER);
      s21.intoMemorySegment(MEMORY, out + 2 * PAIR + Lanes.BYTES, ORDER);
      s30.intoMemorySegment(MEMORY, out + 3 * PAIR, ORDER);
      s31.intoMemorySegment(MEMORY, out + 3 * PAIR + Lanes.BYTES, ORDER);
    }
  }

  /** Goes on with the sums of one row where columns aren't a whole block. */
  private static void addColumns(long x, int columns, long w, long sums) {
    FloatVector s0 = fromMemorySegment(FLOATS, MEMORY, sums, ORDER);
    FloatVector s1 = fromMemorySegment(FLOATS, MEMORY, sums + Lanes.BYTES, ORDER);
    for (int k = 0; k < columns; k++) {
      FloatVector a = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, x + k * 4L));
      s0 = fromMemorySegment(FLOATS, MEMORY, w + k * PAIR, ORDER).fma(a, s0);
      s1 = fromMemorySegment(FLOATS, MEMORY, w + k * PAIR + Lanes.BYTES, ORDER).fma(a, s1);
    }
    s0.intoMemorySegment(MEMORY, sums, ORDER);
    s1.intoMemorySegment(MEMORY, sums + Lanes.BYTES, ORDER);
  }

  /** Adds one row's block sums, times their scales, to y so far; blocks ascending. */
  private static void join(
      long rowScales,
      long rowSums,
      int blocks,
      boolean hasMinimum,
      long scales,
      long dots,
      long sums) {
    VectorMask<Float> withMinimum = Lanes.FLOATS.maskAll(hasMinimum);
    FloatVector y0 = fromMemorySegment(FLOATS, MEMORY, sums, ORDER);
    FloatVector y1 = fromMemorySegment(FLOATS, MEMORY, sums + Lanes.BYTES, ORDER);
    for (int block = 0; block < blocks; block++) {
      float scale = MEMORY.get(JAVA_FLOAT, rowScales + block * 4L & ADDRESS_BITS);
      float minimumScale = scale * MEMORY.get(JAVA_FLOAT, rowSums + block * 4L & ADDRESS_BITS);
      long dot = dots + TILE_ROWS * PAIR * block & ADDRESS_BITS;
      FloatVector dot0 = fromMemorySegment(FLOATS, MEMORY, dot, ORDER);
      FloatVector dot1 = fromMemorySegment(FLOATS, MEMORY, dot + Lanes.BYTES, ORDER);
      long d = scales + 2 * PAIR * block & ADDRESS_BITS;
      FloatVector d0 = fromMemorySegment(FLOATS, MEMORY, d, ORDER);
      FloatVector d1 = fromMemorySegment(FLOATS, MEMORY, d + Lanes.BYTES, ORDER);
      FloatVector m0 = fromMemorySegment(FLOATS, MEMORY, d + PAIR, ORDER);
      FloatVector m1 = fromMemorySegment(FLOATS, MEMORY, d + PAIR + Lanes.BYTES, ORDER);
      FloatVector sum = FloatVector.broadcast(FLOATS, minimumScale);
      y0 = dot0.fma(d0.mul(scale), y0);
      y1 = dot1.fma(d1.mul(scale), y1);
      y0 = y0.blend(m0.fma(sum, y0), withMinimum);
      y1 = y1.blend(m1.fma(sum, y1), withMinimum);
    }
    y0.intoMemorySegment(MEMORY, sums, ORDER);
    y1.intoMemorySegment(MEMORY, sums + Lanes.BYTES, ORDER);
  }

  private static void copyOut(long sums, int rows, long y, long rowBytes, int outputs) {
    if (outputs >= 2 * Lanes.LENGTH) {
      for (int row = 0; row < rows; row++) {
        fromMemorySegment(FLOATS, MEMORY, sums + row * PAIR, ORDER)
            .intoMemorySegment(MEMORY, y + row * rowBytes, ORDER);
        fromMemorySegment(FLOATS, MEMORY, sums + row * PAIR + Lanes.BYTES, ORDER)
            .intoMemorySegment(MEMORY, y + row * rowBytes + Lanes.BYTES, ORDER);
      }
    } else {
      for (int row = 0; row < rows; row++) {
        for (long lane = 0; lane < outputs * 4L; lane += 4) {
          set(y + row * rowBytes + lane, get(sums + row * PAIR + lane));
        }
      }
    }
  }
}
