package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.Kernels.QUANTIZATION_FLOOR;
import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.INTS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.Lanes.set;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.IntVector.fromMemorySegment;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Functions;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Rounds activations, block by block. */
final class Quantizer {
  private static final long BLOCK = QUANTIZATION_BLOCK * (long) Float.BYTES;
  private static final int ROUNDER_BITS = Float.floatToRawIntBits(Functions.ROUNDER);

  private Quantizer() {}

  /**
   * @param x address of row 0
   */
  static void quantize(long x, VectorRows into, int fromRow, int toRow) {
    float largest = into.precision().largest();
    boolean integers = into.precision() == ActivationPrecision.INT16;
    for (int row = fromRow; row < toRow; row++) {
      long from = x + (long) row * into.columns() * Float.BYTES;
      long values = into.valueAddress(row);
      long scale = into.scaleAddress(row);
      long sum = into.sumAddress(row);
      for (int block = 0; block < into.blocks(); block++) {
        quantizeBlock(
            from + block * BLOCK,
            largest,
            integers,
            values + block * BLOCK,
            scale + block * 4L,
            sum + block * 4L);
      }
    }
  }

  private static void quantizeBlock(
      long x, float largest, boolean integers, long values, long scale, long sum) {
    int magnitude = magnitude(x);
    float amax = Float.intBitsToFloat(magnitude);
    if (magnitude >= Lanes.INFINITY_BITS) {
      setZeros(values, scale, sum, Float.NaN);
    } else if (amax < QUANTIZATION_FLOOR) {
      setZeros(values, scale, sum, 0);
    } else {
      set(scale, amax / largest);
      float inverse = largest / amax;
      set(sum, integers ? roundToInts(x, inverse, values) : roundToFloats(x, inverse, values));
    }
  }

  /** The bits of the largest |x|; of a NaN or an infinity where there is one. */
  private static int magnitude(long x) {
    IntVector highest = IntVector.zero(Lanes.INTS);
    for (int i = 0; i < QUANTIZATION_BLOCK; i += Lanes.LENGTH) {
      highest =
          highest.max(fromMemorySegment(INTS, MEMORY, x + i * 4L, ORDER).and(Lanes.MAGNITUDE_BITS));
    }
    return highest.reduceLanes(VectorOperators.MAX);
  }

  private static void setZeros(long values, long scale, long sum, float scaleValue) {
    for (int i = 0; i < QUANTIZATION_BLOCK; i += Lanes.LENGTH) {
      FloatVector.zero(FLOATS).intoMemorySegment(MEMORY, values + i * 4L, ORDER);
    }
    set(scale, scaleValue);
    set(sum, 0);
  }

  /** Writes rint(x·inverse) as float32; returns the sum. */
  private static int roundToFloats(long x, float inverse, long values) {
    IntVector sums = IntVector.zero(Lanes.INTS);
    for (int i = 0; i < QUANTIZATION_BLOCK; i += Lanes.LENGTH) {
      FloatVector rounded =
          fromMemorySegment(FLOATS, MEMORY, x + i * 4L, ORDER).mul(inverse).add(Functions.ROUNDER);
      rounded.sub(Functions.ROUNDER).intoMemorySegment(MEMORY, values + i * 4L, ORDER);
      sums = sums.add(rounded.reinterpretAsInts().sub(ROUNDER_BITS));
    }
    return sums.reduceLanes(VectorOperators.ADD);
  }

  /** Writes rint(x·inverse) as int32; returns the sum. */
  private static int roundToInts(long x, float inverse, long values) {
    IntVector sums = IntVector.zero(Lanes.INTS);
    for (int i = 0; i < QUANTIZATION_BLOCK; i += Lanes.LENGTH) {
      FloatVector rounded =
          fromMemorySegment(FLOATS, MEMORY, x + i * 4L, ORDER).mul(inverse).add(Functions.ROUNDER);
      IntVector integers = rounded.reinterpretAsInts().sub(ROUNDER_BITS);
      integers.intoMemorySegment(MEMORY, values + i * 4L, ORDER);
      sums = sums.add(integers);
    }
    return sums.reduceLanes(VectorOperators.ADD);
  }
}
