package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.vector.Lanes.broadcast;
import static dev.millrace.kernel.vector.Lanes.load;
import static dev.millrace.kernel.vector.Lanes.store;
import static dev.millrace.kernel.vector.Lanes.zero;
import static dev.millrace.kernel.vector.VectorWeights.LANES_BYTES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import org.jspecify.annotations.Nullable;

/**
 * Weights times many rows. Two vectors of outputs are a strip; up to {@link #MAX_ROWS} rows meet it
 * at a time, {@link #CHUNK} columns at a time. A strip's chunk is unpacked once, to float32, for
 * all those rows; then tiles of 4 rows × 2 vectors run over it with their accumulators in
 * registers. Scratch, L lanes:
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

  /** Bytes of two vectors: the distance between the columns of an unpacked strip. */
  private static final long PAIR = 2 * Lanes.BYTES;

  private static final int CHUNK_BLOCKS = CHUNK / QUANTIZATION_BLOCK;
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

  static void multiply(
      VectorWeights w,
      MemorySegment x,
      @Nullable VectorRows q,
      int rows,
      MemorySegment y,
      int yStride,
      int from,
      int to) {
    MemorySegment scratch = Scratch.get();
    for (int output = from; output < to; output += 2 * Lanes.LENGTH) {
      for (int row = 0; row < rows; row += MAX_ROWS) {
        int count = Math.min(MAX_ROWS, rows - row);
        clear(scratch, count);
        for (int column = 0; column < w.columns(); column += CHUNK) {
          int columns = Math.min(CHUNK, w.columns() - column);
          unpack(w, output, to, column, columns, scratch);
          if (q == null) {
            plainChunk(x, w.columns(), row, count, column, columns, scratch);
          } else {
            quantizedChunk(q, w.hasMinimum(), row, count, column, columns, scratch);
          }
        }
        copyOut(scratch, row, count, y, yStride, output, to);
      }
    }
  }

  private static void clear(MemorySegment scratch, int rows) {
    for (int i = 0; i < 2 * rows; i++) {
      store(zero(), scratch, SUMS + (long) i * Lanes.BYTES);
    }
  }

  /** The last vector of all outputs may be alone: it then stands in both places. */
  private static void unpack(
      VectorWeights w, int output, int to, int column, int columns, MemorySegment scratch) {
    unpack(w, w.offset(output), column, columns, scratch, 0);
    int second = output + Lanes.LENGTH < to ? output + Lanes.LENGTH : output;
    unpack(w, w.offset(second), column, columns, scratch, Lanes.BYTES);
  }

  private static void unpack(
      VectorWeights w, long offset, int column, int columns, MemorySegment to, long lane) {
    MemorySegment from = w.data();
    long target = WEIGHTS + lane;
    switch (w.type()) {
      case F32 ->
          Unpack.floats(from, offset + (long) column * LANES_BYTES, columns, to, target, PAIR);
      case F16 ->
          Unpack.halves(
              from, offset + (long) (column / 2) * LANES_BYTES, columns, to, target, PAIR);
      case BF16 ->
          Unpack.bfloats(
              from, offset + (long) (column / 2) * LANES_BYTES, columns, to, target, PAIR);
      case Q4_0, Q4_1, Q8_0 -> {
        long blockBytes = VectorWeights.blockBytes(w.type());
        for (int i = 0; i < columns / QUANTIZATION_BLOCK; i++) {
          long block = offset + (column / QUANTIZATION_BLOCK + i) * blockBytes;
          unpackBlock(w, block, to, target + QUANTIZATION_BLOCK * PAIR * i);
          long scales = SCALES + 2 * PAIR * i + lane;
          store(load(from, block), to, scales);
          if (w.hasMinimum()) {
            store(load(from, block + LANES_BYTES), to, scales + PAIR);
          }
        }
      }
    }
  }

  private static void unpackBlock(VectorWeights w, long block, MemorySegment to, long target) {
    long words = block + VectorWeights.firstWord(w.type());
    switch (w.type()) {
      case Q4_0 -> Unpack.nibbles(w.data(), words, 8, to, target, PAIR);
      case Q4_1 -> Unpack.nibbles(w.data(), words, 0, to, target, PAIR);
      case Q8_0 -> Unpack.bytes(w.data(), words, to, target, PAIR);
      case F32, F16, BF16 -> throw new IllegalStateException(w.type() + " has no blocks");
    }
  }

  private static void plainChunk(
      MemorySegment x,
      int rowColumns,
      int row,
      int count,
      int column,
      int columns,
      MemorySegment scratch) {
    long rowBytes = (long) rowColumns * Float.BYTES;
    for (int i = 0; i < count; i += TILE_ROWS) {
      long first = (row + i) * rowBytes + (long) column * Float.BYTES;
      int live = Math.min(TILE_ROWS, count - i);
      tile(x, first, rowBytes, live, 1, columns, scratch, SUMS + i * PAIR, true);
    }
  }

  private static void quantizedChunk(
      VectorRows q,
      boolean hasMinimum,
      int row,
      int count,
      int column,
      int columns,
      MemorySegment scratch) {
    long rowBytes = q.rowBytes();
    int blocks = columns / QUANTIZATION_BLOCK;
    for (int i = 0; i < count; i += TILE_ROWS) {
      long first = (row + i) * rowBytes + (long) column * Float.BYTES;
      int live = Math.min(TILE_ROWS, count - i);
      tile(q.values(), first, rowBytes, live, blocks, QUANTIZATION_BLOCK, scratch, DOTS, false);
      for (int j = 0; j < live; j++) {
        long scales =
            (row + i + j) * q.scaleRowBytes() + (long) (column / QUANTIZATION_BLOCK) * Float.BYTES;
        join(q, scales, blocks, hasMinimum, scratch, DOTS + j * PAIR, SUMS + (i + j) * PAIR);
      }
    }
  }

  /**
   * Multiplies the strip with 4 rows of x, block by block: one sum a block, row and output, columns
   * ascending, written to {@code out} [blocks][4][2L]. With {@code resume} the sums go on from what
   * stands there. Where fewer than 4 rows are live the last one stands in for the others.
   */
  private static void tile(
      MemorySegment x,
      long first,
      long rowBytes,
      int live,
      int blocks,
      int columns,
      MemorySegment scratch,
      long out,
      boolean resume) {
    long w = WEIGHTS;
    long x0 = first;
    long x1 = first + Math.min(1, live - 1) * rowBytes;
    long x2 = first + Math.min(2, live - 1) * rowBytes;
    long x3 = first + (live - 1) * rowBytes;
    for (int block = 0; block < blocks; block++) {
      FloatVector s00 = resume ? load(scratch, out) : zero();
      FloatVector s01 = resume ? load(scratch, out + Lanes.BYTES) : zero();
      FloatVector s10 = resume ? load(scratch, out + PAIR) : zero();
      FloatVector s11 = resume ? load(scratch, out + PAIR + Lanes.BYTES) : zero();
      FloatVector s20 = resume ? load(scratch, out + 2 * PAIR) : zero();
      FloatVector s21 = resume ? load(scratch, out + 2 * PAIR + Lanes.BYTES) : zero();
      FloatVector s30 = resume ? load(scratch, out + 3 * PAIR) : zero();
      FloatVector s31 = resume ? load(scratch, out + 3 * PAIR + Lanes.BYTES) : zero();
      for (int k = 0; k < columns; k++) {
        FloatVector w0 = load(scratch, w + k * PAIR);
        FloatVector w1 = load(scratch, w + k * PAIR + Lanes.BYTES);
        FloatVector a = broadcast(x, x0 + k * 4L);
        s00 = w0.fma(a, s00);
        s01 = w1.fma(a, s01);
        a = broadcast(x, x1 + k * 4L);
        s10 = w0.fma(a, s10);
        s11 = w1.fma(a, s11);
        a = broadcast(x, x2 + k * 4L);
        s20 = w0.fma(a, s20);
        s21 = w1.fma(a, s21);
        a = broadcast(x, x3 + k * 4L);
        s30 = w0.fma(a, s30);
        s31 = w1.fma(a, s31);
      }
      store(s00, scratch, out);
      store(s01, scratch, out + Lanes.BYTES);
      store(s10, scratch, out + PAIR);
      store(s11, scratch, out + PAIR + Lanes.BYTES);
      store(s20, scratch, out + 2 * PAIR);
      store(s21, scratch, out + 2 * PAIR + Lanes.BYTES);
      store(s30, scratch, out + 3 * PAIR);
      store(s31, scratch, out + 3 * PAIR + Lanes.BYTES);
      w += columns * PAIR;
      x0 += columns * 4L;
      x1 += columns * 4L;
      x2 += columns * 4L;
      x3 += columns * 4L;
      out += TILE_ROWS * PAIR;
    }
  }

  /** Adds one row's block sums, times their scales, to y so far; blocks ascending. */
  private static void join(
      VectorRows q,
      long scaleOffset,
      int blocks,
      boolean hasMinimum,
      MemorySegment scratch,
      long dots,
      long sums) {
    FloatVector y0 = load(scratch, sums);
    FloatVector y1 = load(scratch, sums + Lanes.BYTES);
    long scales = SCALES;
    for (int block = 0; block < blocks; block++) {
      float scale = q.scales().get(JAVA_FLOAT, scaleOffset);
      y0 = load(scratch, dots).fma(load(scratch, scales).mul(scale), y0);
      y1 =
          load(scratch, dots + Lanes.BYTES).fma(load(scratch, scales + Lanes.BYTES).mul(scale), y1);
      if (hasMinimum) {
        FloatVector sum = broadcast(scale * q.sums().get(JAVA_FLOAT, scaleOffset));
        y0 = load(scratch, scales + PAIR).fma(sum, y0);
        y1 = load(scratch, scales + PAIR + Lanes.BYTES).fma(sum, y1);
      }
      scaleOffset += Float.BYTES;
      scales += 2 * PAIR;
      dots += TILE_ROWS * PAIR;
    }
    store(y0, scratch, sums);
    store(y1, scratch, sums + Lanes.BYTES);
  }

  private static void copyOut(
      MemorySegment scratch, int row, int count, MemorySegment y, int yStride, int output, int to) {
    boolean whole = output + 2 * Lanes.LENGTH <= to;
    for (int i = 0; i < count; i++) {
      long from = SUMS + i * PAIR;
      long target = ((long) (row + i) * yStride + output) * Float.BYTES;
      if (whole) {
        store(load(scratch, from), y, target);
        store(load(scratch, from + Lanes.BYTES), y, target + Lanes.BYTES);
      } else {
        MemorySegment.copy(scratch, from, y, target, (long) (to - output) * Float.BYTES);
      }
    }
  }
}
