package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.Kernels.QUANTIZATION_FLOOR;
import static dev.millrace.kernel.vector.Lanes.load;
import static dev.millrace.kernel.vector.Lanes.loadInts;
import static dev.millrace.kernel.vector.Lanes.store;
import static dev.millrace.kernel.vector.Lanes.zero;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.Functions;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Rounds activations to int8, block by block. */
final class Quantizer {
  private static final int MAGNITUDE = 0x7FFFFFFF; // all bits but the sign
  private static final int INFINITY = 0x7F800000; // magnitudes from here on aren't finite
  private static final int ROUNDER_BITS = Float.floatToRawIntBits(Functions.ROUNDER);

  private Quantizer() {}

  static void quantize(MemorySegment x, VectorRows into, int fromRow, int toRow) {
    for (int row = fromRow; row < toRow; row++) {
      long from = (long) row * into.columns() * Float.BYTES;
      long to = row * into.rowBytes();
      long scale = row * into.scaleRowBytes();
      for (int block = 0; block < into.blocks(); block++) {
        quantizeBlock(x, from, into, to, scale);
        from += QUANTIZATION_BLOCK * Float.BYTES;
        to += QUANTIZATION_BLOCK * Float.BYTES;
        scale += Float.BYTES;
      }
    }
  }

  private static void quantizeBlock(
      MemorySegment x, long from, VectorRows into, long to, long scaleOffset) {
    int magnitude = magnitude(x, from);
    float amax = Float.intBitsToFloat(magnitude);
    if (magnitude >= INFINITY) {
      zeroBlock(into, to, scaleOffset, Float.NaN);
    } else if (amax < QUANTIZATION_FLOOR) {
      zeroBlock(into, to, scaleOffset, 0);
    } else {
      into.scales().set(JAVA_FLOAT, scaleOffset, amax / 127);
      int sum = round(x, from, 127 / amax, into.values(), to);
      into.sums().set(JAVA_FLOAT, scaleOffset, sum);
    }
  }

  /** The bits of the largest |x|; of a NaN or an infinity where there is one. */
  private static int magnitude(MemorySegment x, long from) {
    IntVector highest = IntVector.zero(Lanes.INTS);
    for (int i = 0; i < QUANTIZATION_BLOCK; i += Lanes.LENGTH) {
      highest = highest.max(loadInts(x, from + i * 4L).and(MAGNITUDE));
    }
    return highest.reduceLanes(VectorOperators.MAX);
  }

  private static void zeroBlock(VectorRows into, long to, long scaleOffset, float scale) {
    for (int i = 0; i < QUANTIZATION_BLOCK; i += Lanes.LENGTH) {
      store(zero(), into.values(), to + i * 4L);
    }
    into.scales().set(JAVA_FLOAT, scaleOffset, scale);
    into.sums().set(JAVA_FLOAT, scaleOffset, 0);
  }

  /** Writes rint(x·inverse); returns the sum. */
  private static int round(
      MemorySegment x, long from, float inverse, MemorySegment to, long offset) {
    IntVector sums = IntVector.zero(Lanes.INTS);
    for (int i = 0; i < QUANTIZATION_BLOCK; i += Lanes.LENGTH) {
      FloatVector rounded = load(x, from + i * 4L).mul(inverse).add(Functions.ROUNDER);
      store(rounded.sub(Functions.ROUNDER), to, offset + i * 4L);
      sums = sums.add(rounded.reinterpretAsInts().sub(ROUNDER_BITS));
    }
    return sums.reduceLanes(VectorOperators.ADD);
  }
}
