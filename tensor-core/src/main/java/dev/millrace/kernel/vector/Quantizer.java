package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.Kernels.QUANTIZATION_FLOOR;
import static dev.millrace.kernel.vector.Lanes.ADDRESS_BITS;
import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.INTS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.Lanes.set;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.IntVector.fromMemorySegment;
import static jdk.incubator.vector.VectorOperators.I2F;

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
   * Rounds columns [fromColumn, toColumn), whole blocks, of a row.
   *
   * @param x address of row 0
   */
  static void quantize(long x, VectorRows into, int row, int fromColumn, int toColumn) {
    float largest = into.precision().largest();
    long from = x + (long) row * into.columns() * Float.BYTES;
    long integers = into.integerAddress(row);
    long scale = into.scaleAddress(row);
    long sum = into.sumAddress(row);
    for (int block = fromColumn / QUANTIZATION_BLOCK;
        block < toColumn / QUANTIZATION_BLOCK;
        block++) {
      quantizeBlock(
          from + block * BLOCK,
          largest,
          integers + block * BLOCK,
          scale + block * 4L,
          sum + block * 4L);
    }
    if (into.precision() == ActivationPrecision.INT8) {
      long first = (long) fromColumn * Float.BYTES;
      toFloats(integers + first, toColumn - fromColumn, into.valueAddress(row) + first);
    }
  }

  private static void quantizeBlock(long x, float largest, long integers, long scale, long sum) {
    int magnitude = magnitude(x);
    float amax = Float.intBitsToFloat(magnitude);
    if (magnitude >= Lanes.INFINITY_BITS) {
      setZeros(integers, scale, sum, Float.NaN);
    } else if (amax < QUANTIZATION_FLOOR) {
      setZeros(integers, scale, sum, 0);
    } else {
      set(scale, amax / largest);
      set(sum, round(x, largest / amax, integers));
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

  private static void setZeros(long integers, long scale, long sum, float scaleValue) {
    for (int i = 0; i < QUANTIZATION_BLOCK; i += Lanes.LENGTH) {
      IntVector.zero(INTS).intoMemorySegment(MEMORY, integers + i * 4L, ORDER);
    }
    set(scale, scaleValue);
    set(sum, 0);
  }

  /** Writes rint(x·inverse); returns the sum. */
  private static int round(long x, float inverse, long to) {
    IntVector sums = IntVector.zero(Lanes.INTS);
    for (int i = 0; i < QUANTIZATION_BLOCK; i += Lanes.LENGTH) {
      FloatVector rounded =
          fromMemorySegment(FLOATS, MEMORY, x + i * 4L, ORDER).mul(inverse).add(Functions.ROUNDER);
      IntVector integers = rounded.reinterpretAsInts().sub(ROUNDER_BITS);
      integers.intoMemorySegment(MEMORY, to + i * 4L, ORDER);
      sums = sums.add(integers);
    }
    return sums.reduceLanes(VectorOperators.ADD);
  }

  /** Whole blocks of integers, exactly. */
  private static void toFloats(long integers, int count, long to) {
    long from = integers & ADDRESS_BITS;
    long target = to & ADDRESS_BITS;
    for (int i = 0; i < count; i += Lanes.LENGTH) {
      ((FloatVector) fromMemorySegment(INTS, MEMORY, from + i * 4L, ORDER).convert(I2F, 0))
          .intoMemorySegment(MEMORY, target + i * 4L, ORDER);
    }
  }
}
