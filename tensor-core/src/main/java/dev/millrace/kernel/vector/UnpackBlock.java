package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.vector.Lanes.ADDRESS_BITS;
import static dev.millrace.kernel.vector.Lanes.INTS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.VectorWeights.LANES_BYTES;
import static jdk.incubator.vector.IntVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.ASHR;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import dev.millrace.tensor.ElementType;
import jdk.incubator.vector.IntVector;

/** A block of one vector of outputs' quantized weights to int32, as one half of a strip. */
final class UnpackBlock {
  private static final long PAIR = Unpack.PAIR;

  private UnpackBlock() {}

  /** Writes q − zero point for each of 32 columns. */
  static void unpack(ElementType type, long block, long to) {
    long words = block + VectorWeights.firstWord(type);
    if (type == ElementType.Q8_0) {
      bytes(words & ADDRESS_BITS, to & ADDRESS_BITS);
    } else {
      nibbles(words & ADDRESS_BITS, type.zeroPoint(), to & ADDRESS_BITS);
    }
  }

  private static void nibbles(long words, int zeroPoint, long to) {
    for (int word = 0; word < QUANTIZATION_BLOCK / 8; word++) {
      IntVector rest = fromMemorySegment(INTS, MEMORY, words + word * LANES_BYTES, ORDER);
      for (int i = 0; i < 8; i++) {
        IntVector q = rest.and(15).sub(zeroPoint);
        q.intoMemorySegment(MEMORY, to + (word * 8 + i) * PAIR, ORDER);
        rest = rest.lanewise(LSHR, 4);
      }
    }
  }

  private static void bytes(long words, long to) {
    for (int word = 0; word < QUANTIZATION_BLOCK / 4; word++) {
      IntVector rest = fromMemorySegment(INTS, MEMORY, words + word * LANES_BYTES, ORDER);
      for (int i = 0; i < 4; i++) {
        IntVector q = rest.lanewise(LSHL, 24).lanewise(ASHR, 24);
        q.intoMemorySegment(MEMORY, to + (word * 4 + i) * PAIR, ORDER);
        rest = rest.lanewise(LSHR, 8);
      }
    }
  }
}
