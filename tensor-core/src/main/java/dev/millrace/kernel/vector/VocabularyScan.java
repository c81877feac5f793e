package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.VOCABULARY_SEGMENT;
import static dev.millrace.kernel.vector.Lanes.ADDRESS_BITS;
import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.INTS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.Lanes.get;
import static dev.millrace.kernel.vector.Lanes.set;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;
import static jdk.incubator.vector.IntVector.fromMemorySegment;

import dev.millrace.kernel.Functions;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorOperators;

/** Passes over a row of logits. */
final class VocabularyScan {
  private VocabularyScan() {}

  static int argmax(long x, int n) {
    if (n == 0 || !isFinite(x, n)) {
      return -1;
    }
    return firstAtLeast(x, n, max(x, n));
  }

  private static boolean isFinite(long x, int n) {
    IntVector highest = IntVector.zero(Lanes.INTS);
    int i = 0;
    for (; i <= n - Lanes.LENGTH; i += Lanes.LENGTH) {
      highest =
          highest.max(fromMemorySegment(INTS, MEMORY, x + i * 4L, ORDER).and(Lanes.MAGNITUDE_BITS));
    }
    boolean finite = highest.reduceLanes(VectorOperators.MAX) < Lanes.INFINITY_BITS;
    for (; i < n; i++) {
      finite &= Float.isFinite(get(x + i * 4L));
    }
    return finite;
  }

  /** Of finite values. */
  private static float max(long x, int n) {
    FloatVector highest = FloatVector.broadcast(FLOATS, Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i <= n - Lanes.LENGTH; i += Lanes.LENGTH) {
      highest = highest.max(fromMemorySegment(FLOATS, MEMORY, x + i * 4L, ORDER));
    }
    float max = highest.reduceLanes(VectorOperators.MAX);
    for (; i < n; i++) {
      max = Math.max(max, get(x + i * 4L));
    }
    return max;
  }

  /** There is one. */
  private static int firstAtLeast(long x, int n, float bound) {
    int i = 0;
    for (; i <= n - Lanes.LENGTH; i += Lanes.LENGTH) {
      int lane =
          fromMemorySegment(FLOATS, MEMORY, x + i * 4L, ORDER)
              .compare(VectorOperators.GE, bound)
              .firstTrue();
      if (lane < Lanes.LENGTH) {
        return i + lane;
      }
    }
    while (get(x + i * 4L) < bound) {
      i++;
    }
    return i;
  }

  static float sumExp(long x, int n, float invTemperature, float max) {
    float sum = 0;
    for (int begin = 0; begin < n; begin += VOCABULARY_SEGMENT) {
      int count = Math.min(VOCABULARY_SEGMENT, n - begin);
      sum += segmentSumExp(x + begin * 4L, count, invTemperature, max);
    }
    return sum;
  }

  private static float segmentSumExp(long x, int n, float invTemperature, float max) {
    long exps = Scratch.address();
    int i = 0;
    for (; i <= n - Lanes.LENGTH; i += Lanes.LENGTH) {
      fromMemorySegment(FLOATS, MEMORY, x + i * 4L, ORDER)
          .mul(invTemperature)
          .intoMemorySegment(MEMORY, exps + i * 4L, ORDER);
    }
    for (; i < n; i++) {
      set(exps + i * 4L, get(x + i * 4L) * invTemperature);
    }
    Exp.ofDifferences(exps, n, max);
    for (; i % Functions.PARTIALS != 0; i++) {
      set(exps + i * 4L, 0); // changes no sum
    }
    return sum(exps, i);
  }

  /** Of whole rows of 16 partial sums; overwrites the first. */
  private static float sum(long x, int n) {
    long address = x & ADDRESS_BITS;
    for (int lane = 0; lane < Functions.PARTIALS; lane += Lanes.LENGTH) {
      FloatVector sum = FloatVector.zero(FLOATS);
      for (int i = lane; i < n; i += Functions.PARTIALS) {
        sum = sum.add(fromMemorySegment(FLOATS, MEMORY, address + i * 4L, ORDER));
      }
      sum.intoMemorySegment(MEMORY, address + lane * 4L, ORDER);
    }
    return Lanes.join(address);
  }
}
