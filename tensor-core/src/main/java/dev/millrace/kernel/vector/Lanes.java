package dev.millrace.kernel.vector;

import dev.millrace.kernel.Functions;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** The vectors that this JVM computes with, and what all kernels do with them. */
final class Lanes {
  /** Forces a width: 128, 256 or 512. All give the same bits; tests run all of them. */
  static final String BITS_PROPERTY = "millrace.vector.bits";

  static final VectorSpecies<Float> FLOATS = species();
  static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);

  /** Lanes of a vector: 4, 8 or 16, so that 16 partial sums are whole vectors. */
  static final int LENGTH = FLOATS.length();

  /** Bytes of a vector. */
  static final long BYTES = (long) LENGTH * Float.BYTES;

  private static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final VectorShuffle<Float> UPPER_8 = upper(8);
  private static final VectorShuffle<Float> UPPER_4 = upper(4);
  private static final VectorShuffle<Float> UPPER_2 = upper(2);
  private static final VectorShuffle<Float> UPPER_1 = upper(1);

  private Lanes() {}

  private static VectorSpecies<Float> species() {
    int bits =
        Integer.getInteger(
            BITS_PROPERTY, Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize()));
    if (bits != 128 && bits != 256 && bits != 512) {
      throw new IllegalArgumentException(
          BITS_PROPERTY + " is " + bits + ": must be 128, 256 or 512");
    }
    return VectorSpecies.of(float.class, VectorShape.forBitSize(bits));
  }

  /** Lane i takes lane i + distance. */
  private static VectorShuffle<Float> upper(int distance) {
    return VectorShuffle.fromOp(FLOATS, i -> i + distance < LENGTH ? i + distance : i);
  }

  static FloatVector load(MemorySegment segment, long offset) {
    return FloatVector.fromMemorySegment(FLOATS, segment, offset, ORDER);
  }

  static IntVector loadInts(MemorySegment segment, long offset) {
    return IntVector.fromMemorySegment(INTS, segment, offset, ORDER);
  }

  static void store(FloatVector vector, MemorySegment segment, long offset) {
    vector.intoMemorySegment(segment, offset, ORDER);
  }

  /** The float at {@code offset} in all lanes. */
  static FloatVector broadcast(MemorySegment segment, long offset) {
    return broadcast(segment.get(ValueLayout.JAVA_FLOAT, offset));
  }

  static FloatVector broadcast(float value) {
    return FloatVector.broadcast(FLOATS, value);
  }

  static FloatVector zero() {
    return FloatVector.zero(FLOATS);
  }

  /** {@link Functions#exp} of every lane. */
  static FloatVector exp(FloatVector x) {
    x = x.blend(Functions.EXP_LOWEST, x.lt(Functions.EXP_LOWEST));
    x = x.blend(Functions.EXP_HIGHEST, x.compare(VectorOperators.GT, Functions.EXP_HIGHEST));
    FloatVector shifted = x.fma(broadcast(Functions.LOG2_E), broadcast(Functions.ROUNDER));
    FloatVector n = shifted.sub(Functions.ROUNDER);
    FloatVector r = n.fma(broadcast(-Functions.LN2_HIGH), x);
    r = n.fma(broadcast(-Functions.LN2_LOW), r);
    FloatVector p = r.fma(broadcast(Functions.EXP_6), broadcast(Functions.EXP_5));
    p = p.fma(r, broadcast(Functions.EXP_4));
    p = p.fma(r, broadcast(Functions.EXP_3));
    p = p.fma(r, broadcast(Functions.EXP_2));
    p = p.fma(r, broadcast(1f));
    p = p.fma(r, broadcast(1f));
    IntVector exponent =
        shifted.reinterpretAsInts().sub(Float.floatToRawIntBits(Functions.ROUNDER));
    IntVector half = exponent.lanewise(VectorOperators.ASHR, 1);
    return p.mul(powerOfTwo(half)).mul(powerOfTwo(exponent.sub(half)));
  }

  private static FloatVector powerOfTwo(IntVector n) {
    return n.add(127).lanewise(VectorOperators.LSHL, 23).reinterpretAsFloats();
  }

  /**
   * {@link Functions#join} of the 16 partial sums at {@code offset}: vectors are halved first, then
   * lanes.
   */
  static float join(MemorySegment partials, long offset) {
    FloatVector sum = load(partials, offset);
    if (LENGTH == 8) {
      sum = sum.add(load(partials, offset + BYTES));
    } else if (LENGTH == 4) {
      FloatVector odd = load(partials, offset + BYTES).add(load(partials, offset + 3 * BYTES));
      sum = sum.add(load(partials, offset + 2 * BYTES)).add(odd);
    }
    return joinLanes(sum);
  }

  /** {@link #join} of the sums of values i and i + 16, of 32 values at {@code offset}. */
  static float joinPairs(MemorySegment values, long offset) {
    FloatVector sum = pair(values, offset);
    if (LENGTH == 8) {
      sum = sum.add(pair(values, offset + BYTES));
    } else if (LENGTH == 4) {
      FloatVector odd = pair(values, offset + BYTES).add(pair(values, offset + 3 * BYTES));
      sum = sum.add(pair(values, offset + 2 * BYTES)).add(odd);
    }
    return joinLanes(sum);
  }

  private static FloatVector pair(MemorySegment values, long offset) {
    return load(values, offset).add(load(values, offset + Functions.PARTIALS * Float.BYTES));
  }

  private static float joinLanes(FloatVector sum) {
    if (LENGTH == 16) {
      sum = sum.add(sum.rearrange(UPPER_8));
    }
    if (LENGTH >= 8) {
      sum = sum.add(sum.rearrange(UPPER_4));
    }
    sum = sum.add(sum.rearrange(UPPER_2));
    return sum.add(sum.rearrange(UPPER_1)).lane(0);
  }
}
