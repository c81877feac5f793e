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
    long words = block + VectorWeights.firstWord(type) & ADDRESS_BITS;
    long high = block + VectorWeights.highWord(type) & ADDRESS_BITS;
    long target = to & ADDRESS_BITS;
    switch (type.bits()) {
      case 4 -> nibbles(words, type.zeroPoint(), target);
      case 5 -> {
        nibbles(words, type.zeroPoint(), target);
        addBits(high, 1, target);
      }
      case 6 -> {
        nibbles(words, type.zeroPoint(), target);
        addBits(high, 2, target);
      }
      case 8 -> bytes(words, target);
      default -> throw new IllegalArgumentException(type + " has no blocks");
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

  /** Adds what stands above the nibbles: {@code width} bits for each column. */
  private static void addBits(long words, int width, long to) {
    int perWord = Integer.SIZE / width;
    int mask = (1 << width) - 1;
    for (int word = 0; word < width; word++) {
      IntVector rest = fromMemorySegment(INTS, MEMORY, words + word * LANES_BYTES, ORDER);
      for (int i = 0; i < perWord; i++) {
        long at = to + (word * perWord + i) * PAIR;
        IntVector bits = rest.and(mask).lanewise(LSHL, VectorWeights.NIBBLE);
        bits.add(fromMemorySegment(INTS, MEMORY, at, ORDER)).intoMemorySegment(MEMORY, at, ORDER);
        rest = rest.lanewise(LSHR, width);
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
