package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.vector.Lanes.broadcast;
import static dev.millrace.kernel.vector.Lanes.load;
import static dev.millrace.kernel.vector.Lanes.loadInts;
import static dev.millrace.kernel.vector.Lanes.store;
import static dev.millrace.kernel.vector.Lanes.zero;
import static dev.millrace.kernel.vector.VectorWeights.LANES_BYTES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Quantized weights times single rows, straight from the packed weights: for steps of so few rows
 * that they wait for memory. One vector of outputs at a time; a block's sum is exact, so that four
 * accumulators may share it.
 */
final class RowProduct {
  private static final long WORD = LANES_BYTES;
  private static final long BLOCK = QUANTIZATION_BLOCK * (long) Float.BYTES; // of activations

  private RowProduct() {}

  static void multiply(
      VectorWeights w, VectorRows q, int rows, MemorySegment y, int yStride, int from, int to) {
    MemorySegment scratch = Scratch.get();
    for (int output = from; output < to; output += Lanes.LENGTH) {
      int lanes = Math.min(Lanes.LENGTH, to - output);
      for (int row = 0; row < rows; row++) {
        long yOffset = ((long) row * yStride + output) * Float.BYTES;
        if (lanes == Lanes.LENGTH) {
          multiply(w, output, q, row, y, yOffset);
        } else {
          multiply(w, output, q, row, scratch, 0);
          MemorySegment.copy(scratch, 0, y, yOffset, (long) lanes * Float.BYTES);
        }
      }
    }
  }

  private static void multiply(
      VectorWeights w, int output, VectorRows q, int row, MemorySegment y, long yOffset) {
    if (w.type() == ElementType.Q8_0) {
      multiplyBytes(w, w.offset(output), q, row, y, yOffset);
    } else {
      multiplyNibbles(w, w.offset(output), q, row, y, yOffset);
    }
  }

  private static void multiplyNibbles(
      VectorWeights weights, long wOffset, VectorRows q, int row, MemorySegment y, long yOffset) {
    MemorySegment w = weights.data();
    MemorySegment values = q.values();
    int blocks = q.blocks();
    boolean hasMinimum = weights.hasMinimum();
    long firstWord = VectorWeights.firstWord(weights.type());
    long blockBytes = VectorWeights.blockBytes(weights.type());
    float zeroPoint = hasMinimum ? 0 : 8;
    long valueOffset = row * q.rowBytes();
    long scaleOffset = row * q.scaleRowBytes();
    FloatVector acc = zero();
    for (int block = 0; block < blocks; block++) {
      float scale = q.scales().get(JAVA_FLOAT, scaleOffset);
      float sum = q.sums().get(JAVA_FLOAT, scaleOffset);
      FloatVector s0 = broadcast(-zeroPoint * sum);
      FloatVector s1 = zero();
      FloatVector s2 = zero();
      FloatVector s3 = zero();
      long words = wOffset + firstWord;
      IntVector w0 = loadInts(w, words);
      IntVector w1 = loadInts(w, words + WORD);
      IntVector w2 = loadInts(w, words + 2 * WORD);
      IntVector w3 = loadInts(w, words + 3 * WORD);
      for (int i = 0; i < 8; i++) {
        long x = valueOffset + i * 4L;
        s0 =
            ((FloatVector) w0.and(15).convert(VectorOperators.I2F, 0))
                .fma(broadcast(values, x), s0);
        s1 =
            ((FloatVector) w1.and(15).convert(VectorOperators.I2F, 0))
                .fma(broadcast(values, x + 32), s1);
        s2 =
            ((FloatVector) w2.and(15).convert(VectorOperators.I2F, 0))
                .fma(broadcast(values, x + 64), s2);
        s3 =
            ((FloatVector) w3.and(15).convert(VectorOperators.I2F, 0))
                .fma(broadcast(values, x + 96), s3);
        w0 = w0.lanewise(VectorOperators.LSHR, 4);
        w1 = w1.lanewise(VectorOperators.LSHR, 4);
        w2 = w2.lanewise(VectorOperators.LSHR, 4);
        w3 = w3.lanewise(VectorOperators.LSHR, 4);
      }
      FloatVector isum = s0.add(s1).add(s2.add(s3));
      acc = isum.fma(load(w, wOffset).mul(scale), acc);
      if (hasMinimum) {
        acc = load(w, wOffset + WORD).fma(broadcast(scale * sum), acc);
      }
      wOffset += blockBytes;
      valueOffset += BLOCK;
      scaleOffset += Float.BYTES;
    }
    store(acc, y, yOffset);
  }

  private static void multiplyBytes(
      VectorWeights weights, long wOffset, VectorRows q, int row, MemorySegment y, long yOffset) {
    MemorySegment w = weights.data();
    MemorySegment values = q.values();
    int blocks = q.blocks();
    long blockBytes = VectorWeights.blockBytes(weights.type());
    long valueOffset = row * q.rowBytes();
    long scaleOffset = row * q.scaleRowBytes();
    FloatVector acc = zero();
    for (int block = 0; block < blocks; block++) {
      FloatVector s0 = zero();
      FloatVector s1 = zero();
      FloatVector s2 = zero();
      FloatVector s3 = zero();
      for (int word = 0; word < QUANTIZATION_BLOCK / 4; word++) {
        IntVector bytes = loadInts(w, wOffset + WORD + word * WORD);
        IntVector b0 = bytes.lanewise(VectorOperators.LSHL, 24).lanewise(VectorOperators.ASHR, 24);
        IntVector b1 = bytes.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 24);
        IntVector b2 = bytes.lanewise(VectorOperators.LSHL, 8).lanewise(VectorOperators.ASHR, 24);
        IntVector b3 = bytes.lanewise(VectorOperators.ASHR, 24);
        long x = valueOffset + word * 16L;
        s0 = ((FloatVector) b0.convert(VectorOperators.I2F, 0)).fma(broadcast(values, x), s0);
        s1 = ((FloatVector) b1.convert(VectorOperators.I2F, 0)).fma(broadcast(values, x + 4), s1);
        s2 = ((FloatVector) b2.convert(VectorOperators.I2F, 0)).fma(broadcast(values, x + 8), s2);
        s3 = ((FloatVector) b3.convert(VectorOperators.I2F, 0)).fma(broadcast(values, x + 12), s3);
      }
      FloatVector isum = s0.add(s1).add(s2.add(s3));
      FloatVector scale = broadcast(q.scales(), scaleOffset);
      acc = isum.fma(load(w, wOffset).mul(scale), acc);
      wOffset += blockBytes;
      valueOffset += BLOCK;
      scaleOffset += Float.BYTES;
    }
    store(acc, y, yOffset);
  }
}
