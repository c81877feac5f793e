package dev.millrace.kernel.vector;

import static dev.millrace.kernel.vector.Lanes.ADDRESS_BITS;
import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.INTS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.VectorWeights.LANES_BYTES;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.IntVector.fromMemorySegment;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** One vector of outputs' packed weights to float32, as one half of a strip. */
final class Unpack {
  /** Bytes from one column of a strip to the next: two vectors. */
  static final long PAIR = 2 * Lanes.BYTES;

  private Unpack() {}

  static void floats(long from, int columns, long to) {
    long source = from & ADDRESS_BITS;
    long target = to & ADDRESS_BITS;
    for (int k = 0; k < columns; k++) {
      FloatVector value = fromMemorySegment(FLOATS, MEMORY, source + k * LANES_BYTES, ORDER);
      value.intoMemorySegment(MEMORY, target + k * PAIR, ORDER);
    }
  }

  static void bfloats(long from, int columns, long to) {
    long source = from & ADDRESS_BITS;
    long target = to & ADDRESS_BITS;
    for (int k = 0; k < columns; k++) {
      IntVector pair = fromMemorySegment(INTS, MEMORY, source + k / 2 * LANES_BYTES, ORDER);
      IntVector bits = pair.lanewise(VectorOperators.LSHL, 16 * (1 - k % 2)).and(0xFFFF0000);
      bits.reinterpretAsFloats().intoMemorySegment(MEMORY, target + k * PAIR, ORDER);
    }
  }

  static void halves(long from, int columns, long to) {
    long source = from & ADDRESS_BITS;
    long target = to & ADDRESS_BITS;
    for (int k = 0; k < columns; k++) {
      IntVector pair = fromMemorySegment(INTS, MEMORY, source + k / 2 * LANES_BYTES, ORDER);
      IntVector high = pair.lanewise(VectorOperators.LSHL, 16 * (1 - k % 2));
      Halves.widen(high).intoMemorySegment(MEMORY, target + k * PAIR, ORDER);
    }
  }
}
