package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.vector.Lanes.ADDRESS_BITS;
import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.INTS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.Lanes.get;
import static dev.millrace.kernel.vector.VectorWeights.LANES_BYTES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.IntVector.fromMemorySegment;

import dev.millrace.tensor.ElementType;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Quantized weights times one row, which waits for memory: the packed weights are read once, from
 * front to back, one vector of outputs at a time. A block's sum is exact, so that four accumulators
 * may share it.
 */
final class RowProduct {
  private static final long BLOCK = QUANTIZATION_BLOCK * (long) Float.BYTES; // of activations

  private RowProduct() {}

  /**
   * @param q its row 0
   * @param y address of output 0
   */
  static void multiply(VectorWeights w, VectorRows q, long y, int from, int to) {
    long scratch = Scratch.address();
    for (int output = from; output < to; output += Lanes.LENGTH) {
      boolean whole = output + Lanes.LENGTH <= to;
      long target = whole ? y + output * 4L : scratch;
      if (w.type() == ElementType.Q8_0) {
        multiplyBytes(w, w.address(output), q, target);
      } else {
        multiplyNibbles(w, w.address(output), q, target);
      }
      if (!whole) {
        Lanes.copyRows(scratch, 0, 1, to - output, y + output * 4L, 0);
      }
    }
  }

  private static void multiplyNibbles(VectorWeights weights, long w, VectorRows q, long target) {
    int blocks = q.blocks();
    long firstWord = VectorWeights.firstWord(weights.type());
    long blockBytes = VectorWeights.blockBytes(weights.type());
    // A branch would do, but where vectors of two branches meet C2 boxes them.
    VectorMask<Float> hasMinimum = Lanes.FLOATS.maskAll(weights.type().hasMinimum());
    float zeroPoint = weights.type().zeroPoint();
    long values = q.valueAddress(0);
    long scales = q.scaleAddress(0);
    long sums = q.sumAddress(0);
    FloatVector acc = FloatVector.zero(FLOATS);
    for (int block = 0; block < blocks; block++) {
      float scale = get(scales + block * 4L & ADDRESS_BITS);
      float sum = get(sums + block * 4L & ADDRESS_BITS);
      long x = values + block * BLOCK & ADDRESS_BITS;
      long d = w + block * blockBytes & ADDRESS_BITS;
      long words = d + firstWord & ADDRESS_BITS;
      FloatVector s0 = FloatVector.broadcast(FLOATS, -zeroPoint * sum);
      FloatVector s1 = FloatVector.zero(FLOATS);
      FloatVector s2 = FloatVector.zero(FLOATS);
      FloatVector s3 = FloatVector.zero(FLOATS);
      IntVector w0 = fromMemorySegment(INTS, MEMORY, words, ORDER);
      IntVector w1 = fromMemorySegment(INTS, MEMORY, words + LANES_BYTES, ORDER);
      IntVector w2 = fromMemorySegment(INTS, MEMORY, words + 2 * LANES_BYTES, ORDER);
      IntVector w3 = fromMemorySegment(INTS, MEMORY, words + 3 * LANES_BYTES, ORDER);
      for (int i = 0; i < 8; i++) {
        long at = x + i * 4L;
        s0 =
            ((FloatVector) w0.and(15).convert(VectorOperators.I2F, 0))
                .fma(FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, at)), s0);
        s1 =
            ((FloatVector) w1.and(15).convert(VectorOperators.I2F, 0))
                .fma(FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, at + 32)), s1);
        s2 =
            ((FloatVector) w2.and(15).convert(VectorOperators.I2F, 0))
                .fma(FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, at + 64)), s2);
        s3 =
            ((FloatVector) w3.and(15).convert(VectorOperators.I2F, 0))
                .fma(FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, at + 96)), s3);
        w0 = w0.lanewise(VectorOperators.LSHR, 4);
        w1 = w1.lanewise(VectorOperators.LSHR, 4);
        w2 = w2.lanewise(VectorOperators.LSHR, 4);
        w3 = w3.lanewise(VectorOperators.LSHR, 4);
      }
      acc =
          s0.add(s1)
              .add(s2.add(s3))
              .fma(fromMemorySegment(FLOATS, MEMORY, d, ORDER).mul(scale), acc);
      acc =
          acc.blend(
              fromMemorySegment(FLOATS, MEMORY, d + LANES_BYTES, ORDER)
                  .fma(FloatVector.broadcast(FLOATS, scale * sum), acc),
              hasMinimum);
    }
    acc.intoMemorySegment(MEMORY, target, ORDER);
  }

  private static void multiplyBytes(VectorWeights weights, long w, VectorRows q, long target) {
    int blocks = q.blocks();
    long blockBytes = VectorWeights.blockBytes(weights.type());
    long values = q.valueAddress(0);
    long scales = q.scaleAddress(0);
    FloatVector acc = FloatVector.zero(FLOATS);
    for (int block = 0; block < blocks; block++) {
      float scale = get(scales + block * 4L & ADDRESS_BITS);
      long x = values + block * BLOCK & ADDRESS_BITS;
      long d = w + block * blockBytes & ADDRESS_BITS;
      FloatVector s0 = FloatVector.zero(FLOATS);
      FloatVector s1 = FloatVector.zero(FLOATS);
      FloatVector s2 = FloatVector.zero(FLOATS);
      FloatVector s3 = FloatVector.zero(FLOATS);
      for (int word = 0; word < QUANTIZATION_BLOCK / 4; word++) {
        IntVector bytes = fromMemorySegment(INTS, MEMORY, d + (1 + word) * LANES_BYTES, ORDER);
        IntVector b0 = bytes.lanewise(VectorOperators.LSHL, 24).lanewise(VectorOperators.ASHR, 24);
        IntVector b1 = bytes.lanewise(VectorOperators.LSHL, 16).lanewise(VectorOperators.ASHR, 24);
        IntVector b2 = bytes.lanewise(VectorOperators.LSHL, 8).lanewise(VectorOperators.ASHR, 24);
        IntVector b3 = bytes.lanewise(VectorOperators.ASHR, 24);
        long at = x + word * 16L;
        s0 =
            ((FloatVector) b0.convert(VectorOperators.I2F, 0))
                .fma(FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, at)), s0);
        s1 =
            ((FloatVector) b1.convert(VectorOperators.I2F, 0))
                .fma(FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, at + 4)), s1);
        s2 =
            ((FloatVector) b2.convert(VectorOperators.I2F, 0))
                .fma(FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, at + 8)), s2);
        s3 =
            ((FloatVector) b3.convert(VectorOperators.I2F, 0))
                .fma(FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, at + 12)), s3);
      }
      acc =
          s0.add(s1)
              .add(s2.add(s3))
              .fma(fromMemorySegment(FLOATS, MEMORY, d, ORDER).mul(scale), acc);
    }
    acc.intoMemorySegment(MEMORY, target, ORDER);
  }
}
