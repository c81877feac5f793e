package dev.millrace.kernel.vector;

import static dev.millrace.kernel.vector.Lanes.ADDRESS_BITS;
import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static jdk.incubator.vector.FloatVector.broadcast;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.millrace.kernel.Functions;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** {@link Functions#exp} of many values: the same operations, lane by lane. */
final class Exp {
  private static final int ROUNDER_BITS = Float.floatToRawIntBits(Functions.ROUNDER);

  private Exp() {}

  /** x[i] = exp(x[i] − subtrahend) for {@code count} values, rounded up to whole vectors. */
  static void ofDifferences(long x, int count, float subtrahend) {
    long address = x & ADDRESS_BITS;
    for (int i = 0; i < count; i += Lanes.LENGTH) {
      FloatVector v = fromMemorySegment(FLOATS, MEMORY, address + i * 4L, ORDER).sub(subtrahend);
      v = v.blend(Functions.EXP_LOWEST, v.compare(VectorOperators.LT, Functions.EXP_LOWEST));
      v = v.blend(Functions.EXP_HIGHEST, v.compare(VectorOperators.GT, Functions.EXP_HIGHEST));
      FloatVector rounder = broadcast(FLOATS, Functions.ROUNDER);
      FloatVector shifted = v.fma(broadcast(FLOATS, Functions.LOG2_E), rounder);
      FloatVector n = shifted.sub(rounder);
      FloatVector r = n.fma(broadcast(FLOATS, -Functions.LN2_HIGH), v);
      r = n.fma(broadcast(FLOATS, -Functions.LN2_LOW), r);
      FloatVector p = r.fma(broadcast(FLOATS, Functions.EXP_6), broadcast(FLOATS, Functions.EXP_5));
      p = p.fma(r, broadcast(FLOATS, Functions.EXP_4));
      p = p.fma(r, broadcast(FLOATS, Functions.EXP_3));
      p = p.fma(r, broadcast(FLOATS, Functions.EXP_2));
      p = p.fma(r, broadcast(FLOATS, 1));
      p = p.fma(r, broadcast(FLOATS, 1));
      IntVector exponent = shifted.reinterpretAsInts().sub(ROUNDER_BITS);
      IntVector half = exponent.lanewise(VectorOperators.ASHR, 1);
      IntVector power0 = half.add(127).lanewise(VectorOperators.LSHL, 23);
      IntVector power1 = exponent.sub(half).add(127).lanewise(VectorOperators.LSHL, 23);
      p = p.mul(power0.reinterpretAsFloats()).mul(power1.reinterpretAsFloats());
      p.intoMemorySegment(MEMORY, address + i * 4L, ORDER);
    }
  }
}
