package dev.millrace.kernel.vector;

import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.INTS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.ShortVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/** fp16 numbers, widened exactly. */
final class Halves {
  private static final VectorSpecies<Short> SHORTS =
      VectorSpecies.of(short.class, VectorShape.forBitSize(FLOATS.vectorBitSize() / 2));

  /** A float16's exponent and mantissa in a float32's places, its exponent's bias 112 too low. */
  private static final int HALF_BITS = 0x8FFFE000;

  private static final int HALF_EXPONENT = 0x0F800000;
  private static final int FLOAT_EXPONENT = 0x7F800000;
  private static final float HALF_BIAS = 0x1p112f;

  private Halves() {}

  /** As many as a vector has lanes. */
  static FloatVector load(long address) {
    IntVector low =
        (IntVector)
            ShortVector.fromMemorySegment(SHORTS, MEMORY, address, ORDER)
                .convertShape(VectorOperators.S2I, INTS, 0);
    return widen(low.lanewise(VectorOperators.LSHL, 16));
  }

  /** Numbers in the upper halves of lanes; the lower halves don't matter. */
  static FloatVector widen(IntVector high) {
    IntVector bits = high.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS);
    IntVector finite = bits.reinterpretAsFloats().mul(HALF_BIAS).reinterpretAsInts();
    IntVector other = bits.or(FLOAT_EXPONENT); // an infinity or a NaN
    return finite.blend(other, bits.and(HALF_EXPONENT).eq(HALF_EXPONENT)).reinterpretAsFloats();
  }
}
