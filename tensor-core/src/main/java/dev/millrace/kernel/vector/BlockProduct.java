package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.vector.Lanes.ADDRESS_BITS;
import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.INTS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.VectorWeights.LANES_BYTES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.IntVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import dev.millrace.tensor.ElementType;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/**
 * Quantized weights times several rows, by tiles of 4 rows × 2 vectors of outputs. The packed
 * weights are widened in registers, where four rows meet them: first a few blocks' exact sums go to
 * scratch, then each row joins them to y in order. All rows take their turn at two vectors' weights
 * before the next ones are read, so that only the first turn waits for memory.
 */
final class BlockProduct {
  private static final int TILE_ROWS = 4;

  /** Blocks between two joins: their sums stay in the first-level cache. */
  private static final int MAX_BLOCKS = 16;

  private static final long PAIR = 2 * Lanes.BYTES;
  private static final long TILE_BYTES = TILE_ROWS * PAIR; // of one block's sums
  private static final long ROW_BLOCK = QUANTIZATION_BLOCK * (long) Float.BYTES; // of activations

  private static final long Q4_1_BLOCK_BYTES = VectorWeights.blockBytes(ElementType.Q4_1);
  private static final long Q8_0_BLOCK_BYTES = VectorWeights.blockBytes(ElementType.Q8_0);

  /** Scratch: y so far [4][2L]; block sums [blocks][4][2L]. */
  private static final long TOTALS = 0;

  private static final long SUMS = TOTALS + TILE_BYTES;

  static {
    Scratch.require(SUMS + MAX_BLOCKS * TILE_BYTES);
  }

  private BlockProduct() {}

  /**
   * @param y address of the first row's output 0
   */
  static void multiply(
      VectorWeights w, VectorRows q, int rows, long y, int yStride, int from, int to) {
    for (int output = from; output < to; output += 2 * Lanes.LENGTH) {
      for (int row = 0; row < rows; row += TILE_ROWS) {
        int live = Math.min(TILE_ROWS, rows - row);
        long target = y + ((long) row * yStride + output) * Float.BYTES;
        tile(w, output, to, q, row, live, target, yStride * (long) Float.BYTES);
      }
    }
  }

  /** The last vector of outputs may be alone: it then stands in both places. */
  private static void tile(
      VectorWeights w,
      int output,
      int to,
      VectorRows q,
      int row,
      int live,
      long y,
      long yRowBytes) {
    long scratch = Scratch.address();
    long w0 = w.address(output);
    long w1 = w.address(output + Lanes.LENGTH < to ? output + Lanes.LENGTH : output);
    long blockBytes = VectorWeights.blockBytes(w.type());
    long words = VectorWeights.firstWord(w.type());
    for (int block = 0; block < q.blocks(); block += MAX_BLOCKS) {
      int blocks = Math.min(MAX_BLOCKS, q.blocks() - block);
      long b0 = w0 + block * blockBytes;
      long b1 = w1 + block * blockBytes;
      long x = q.valueAddress(row) + block * ROW_BLOCK;
      if (w.type() == ElementType.Q8_0) {
        sumBytes(b0 + words, b1 + words, x, q.rowBytes(), live, blocks, scratch + SUMS);
      } else {
        sumNibbles(
            b0 + words, b1 + words, blockBytes, x, q.rowBytes(), live, blocks, scratch + SUMS);
      }
      for (int i = 0; i < live; i++) {
        long scales = q.scaleAddress(row + i) + block * 4L;
        long rowSums = q.sumAddress(row + i) + block * 4L;
        long sums = scratch + SUMS + i * PAIR;
        long totals = scratch + TOTALS + i * PAIR;
        if (w.type() == ElementType.Q4_1) {
          joinWithMinima(b0, b1, scales, rowSums, blocks, block == 0, sums, totals);
        } else {
          join(w, b0, b1, scales, rowSums, blocks, block == 0, sums, totals);
        }
      }
    }
    Lanes.copyRows(
        scratch + TOTALS, PAIR, live, Math.min(2 * Lanes.LENGTH, to - output), y, yRowBytes);
  }

  /**
   * Writes Σ w·x of each block for 4 rows of x and two vectors of outputs: [blocks][4][2L]. Where
   * fewer rows are live the last one stands in for the others.
   */
  private static void sumNibbles(
      long words0,
      long words1,
      long blockBytes,
      long x,
      long rowBytes,
      int live,
      int blocks,
      long sums) {
    long x1 = x + Math.min(1, live - 1) * rowBytes;
    long x2 = x + Math.min(2, live - 1) * rowBytes;
    long x3 = x + (live - 1) * rowBytes;
    for (int block = 0; block < blocks; block++) {
      long wa = words0 + block * blockBytes & ADDRESS_BITS;
      long wb = words1 + block * blockBytes & ADDRESS_BITS;
      long xa = x + block * ROW_BLOCK & ADDRESS_BITS;
      long xb = x1 + block * ROW_BLOCK & ADDRESS_BITS;
      long xc = x2 + block * ROW_BLOCK & ADDRESS_BITS;
      long xd = x3 + block * ROW_BLOCK & ADDRESS_BITS;
      FloatVector s00 = FloatVector.zero(FLOATS);
      FloatVector s01 = FloatVector.zero(FLOATS);
      FloatVector s10 = FloatVector.zero(FLOATS);
      FloatVector s11 = FloatVector.zero(FLOATS);
      FloatVector s20 = FloatVector.zero(FLOATS);
      FloatVector s21 = FloatVector.zero(FLOATS);
      FloatVector s30 = FloatVector.zero(FLOATS);
      FloatVector s31 = FloatVector.zero(FLOATS);
      for (int word = 0; word < QUANTIZATION_BLOCK / 8; word++) {
        IntVector n0 = fromMemorySegment(INTS, MEMORY, wa + word * LANES_BYTES, ORDER);
        IntVector n1 = fromMemorySegment(INTS, MEMORY, wb + word * LANES_BYTES, ORDER);
        for (int i = 0; i < 8; i++) {
          FloatVector w0 = (FloatVector) n0.and(15).convert(I2F, 0);
          FloatVector w1 = (FloatVector) n1.and(15).convert(I2F, 0);
          n0 = n0.lanewise(LSHR, 4);
          n1 = n1.lanewise(LSHR, 4);
          long k = (word * 8 + i) * 4L;
          FloatVector a = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, xa + k));
          s00 = w0.fma(a, s00);
          s01 = w1.fma(a, s01);
          FloatVector b = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, xb + k));
          s10 = w0.fma(b, s10);
          s11 = w1.fma(b, s11);
          FloatVector c = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, xc + k));
          s20 = w0.fma(c, s20);
          s21 = w1.fma(c, s21);
          FloatVector d = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, xd + k));
          s30 = w0.fma(d, s30);
          s31 = w1.fma(d, s31);
        }
      }
      long to = sums + block * TILE_BYTES & ADDRESS_BITS;
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

  /** As {@link #sumNibbles}, of Q8_0's signed bytes. */
  private static void sumBytes(
      long words0, long words1, long x, long rowBytes, int live, int blocks, long sums) {
    long x1 = x + Math.min(1, live - 1) * rowBytes;
    long x2 = x + Math.min(2, live - 1) * rowBytes;
    long x3 = x + (live - 1) * rowBytes;
    for (int block = 0; block < blocks; block++) {
      long wa = words0 + block * Q8_0_BLOCK_BYTES & ADDRESS_BITS;
      long wb = words1 + block * Q8_0_BLOCK_BYTES & ADDRESS_BITS;
      long xa = x + block * ROW_BLOCK & ADDRESS_BITS;
      long xb = x1 + block * ROW_BLOCK & ADDRESS_BITS;
      long xc = x2 + block * ROW_BLOCK & ADDRESS_BITS;
      long xd = x3 + block * ROW_BLOCK & ADDRESS_BITS;
      FloatVector s00 = FloatVector.zero(FLOATS);
      FloatVector s01 = FloatVector.zero(FLOATS);
      FloatVector s10 = FloatVector.zero(FLOATS);
      FloatVector s11 = FloatVector.zero(FLOATS);
      FloatVector s20 = FloatVector.zero(FLOATS);
      FloatVector s21 = FloatVector.zero(FLOATS);
      FloatVector s30 = FloatVector.zero(FLOATS);
      FloatVector s31 = FloatVector.zero(FLOATS);
      for (int word = 0; word < QUANTIZATION_BLOCK / 4; word++) {
        IntVector n0 = fromMemorySegment(INTS, MEMORY, wa + word * LANES_BYTES, ORDER);
        IntVector n1 = fromMemorySegment(INTS, MEMORY, wb + word * LANES_BYTES, ORDER);
        for (int i = 0; i < 4; i++) {
          FloatVector w0 =
              (FloatVector) n0.lanewise(LSHL, 24 - 8 * i).lanewise(ASHR, 24).convert(I2F, 0);
          FloatVector w1 =
              (FloatVector) n1.lanewise(LSHL, 24 - 8 * i).lanewise(ASHR, 24).convert(I2F, 0);
          long k = (word * 4 + i) * 4L;
          FloatVector a = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, xa + k));
          s00 = w0.fma(a, s00);
          s01 = w1.fma(a, s01);
          FloatVector b = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, xb + k));
          s10 = w0.fma(b, s10);
          s11 = w1.fma(b, s11);
          FloatVector c = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, xc + k));
          s20 = w0.fma(c, s20);
          s21 = w1.fma(c, s21);
          FloatVector d = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, xd + k));
          s30 = w0.fma(d, s30);
          s31 = w1.fma(d, s31);
        }
      }
      long to = sums + block * TILE_BYTES & ADDRESS_BITS;
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

  /** Adds one row's block sums, less the zero point, times their scales, to y so far, in order. */
  private static void join(
      VectorWeights w,
      long block0,
      long block1,
      long scales,
      long rowSums,
      int blocks,
      boolean first,
      long sums,
      long totals) {
    long blockBytes = VectorWeights.blockBytes(w.type());
    float zeroPoint = w.type().zeroPoint();
    VectorMask<Float> fresh = FLOATS.maskAll(first); // not a branch: C2 boxes where two meet
    FloatVector y0 = fromMemorySegment(FLOATS, MEMORY, totals, ORDER).blend(0, fresh);
    FloatVector y1 = fromMemorySegment(FLOATS, MEMORY, totals + Lanes.BYTES, ORDER).blend(0, fresh);
    for (int block = 0; block < blocks; block++) {
      float scale = MEMORY.get(JAVA_FLOAT, scales + block * 4L & ADDRESS_BITS);
      float zero = zeroPoint * MEMORY.get(JAVA_FLOAT, rowSums + block * 4L & ADDRESS_BITS);
      long at = sums + block * TILE_BYTES & ADDRESS_BITS;
      FloatVector s0 = fromMemorySegment(FLOATS, MEMORY, at, ORDER);
      FloatVector s1 = fromMemorySegment(FLOATS, MEMORY, at + Lanes.BYTES, ORDER);
      long wa = block0 + block * blockBytes & ADDRESS_BITS;
      long wb = block1 + block * blockBytes & ADDRESS_BITS;
      FloatVector d0 = fromMemorySegment(FLOATS, MEMORY, wa, ORDER);
      FloatVector d1 = fromMemorySegment(FLOATS, MEMORY, wb, ORDER);
      y0 = s0.sub(zero).fma(d0.mul(scale), y0);
      y1 = s1.sub(zero).fma(d1.mul(scale), y1);
    }
    y0.intoMemorySegment(MEMORY, totals, ORDER);
    y1.intoMemorySegment(MEMORY, totals + Lanes.BYTES, ORDER);
  }

  /** As {@link #join}, of Q4_1: no zero point, but minima. */
  private static void joinWithMinima(
      long block0,
      long block1,
      long scales,
      long rowSums,
      int blocks,
      boolean first,
      long sums,
      long totals) {
    VectorMask<Float> fresh = FLOATS.maskAll(first);
    FloatVector y0 = fromMemorySegment(FLOATS, MEMORY, totals, ORDER).blend(0, fresh);
    FloatVector y1 = fromMemorySegment(FLOATS, MEMORY, totals + Lanes.BYTES, ORDER).blend(0, fresh);
    for (int block = 0; block < blocks; block++) {
      float scale = MEMORY.get(JAVA_FLOAT, scales + block * 4L & ADDRESS_BITS);
      float rowSum = MEMORY.get(JAVA_FLOAT, rowSums + block * 4L & ADDRESS_BITS);
      long at = sums + block * TILE_BYTES & ADDRESS_BITS;
      FloatVector s0 = fromMemorySegment(FLOATS, MEMORY, at, ORDER);
      FloatVector s1 = fromMemorySegment(FLOATS, MEMORY, at + Lanes.BYTES, ORDER);
      long wa = block0 + block * Q4_1_BLOCK_BYTES & ADDRESS_BITS;
      long wb = block1 + block * Q4_1_BLOCK_BYTES & ADDRESS_BITS;
      FloatVector d0 = fromMemorySegment(FLOATS, MEMORY, wa, ORDER);
      FloatVector d1 = fromMemorySegment(FLOATS, MEMORY, wb, ORDER);
      FloatVector m0 = fromMemorySegment(FLOATS, MEMORY, wa + LANES_BYTES, ORDER);
      FloatVector m1 = fromMemorySegment(FLOATS, MEMORY, wb + LANES_BYTES, ORDER);
      FloatVector scaledSum = FloatVector.broadcast(FLOATS, scale * rowSum);
      y0 = m0.fma(scaledSum, s0.fma(d0.mul(scale), y0));
      y1 = m1.fma(scaledSum, s1.fma(d1.mul(scale), y1));
    }
    y0.intoMemorySegment(MEMORY, totals, ORDER);
    y1.intoMemorySegment(MEMORY, totals + Lanes.BYTES, ORDER);
  }
}
