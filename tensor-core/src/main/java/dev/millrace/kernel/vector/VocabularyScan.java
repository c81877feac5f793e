package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.VOCABULARY_SEGMENT;
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

/** One pass over a row of logits. */
final class VocabularyScan {
  private static final int MAGNITUDE = 0x7FFFFFFF; // all bits but the sign
  private static final int INFINITY = 0x7F800000; // magnitudes from here on aren't finite

  private VocabularyScan() {}

  static int argmax(MemorySegment x, long offset, int n) {
    if (n == 0 || !isFinite(x, offset, n)) {
      return -1;
    }
    return firstAtLeast(x, offset, n, max(x, offset, n));
  }

  private static boolean isFinite(MemorySegment x, long offset, int n) {
    IntVector highest = IntVector.zero(Lanes.INTS);
    int i = 0;
    for (; i <= n - Lanes.LENGTH; i += Lanes.LENGTH) {
      highest = highest.max(loadInts(x, offset + i * 4L).and(MAGNITUDE));
    }
    boolean finite = highest.reduceLanes(VectorOperators.MAX) < INFINITY;
    for (; i < n; i++) {
      finite &= Float.isFinite(x.get(JAVA_FLOAT, offset + i * 4L));
    }
    return finite;
  }

  /** Of finite values. */
  private static float max(MemorySegment x, long offset, int n) {
    FloatVector highest = Lanes.broadcast(Float.NEGATIVE_INFINITY);
    int i = 0;
    for (; i <= n - Lanes.LENGTH; i += Lanes.LENGTH) {
      highest = highest.max(load(x, offset + i * 4L));
    }
    float max = highest.reduceLanes(VectorOperators.MAX);
    for (; i < n; i++) {
      max = Math.max(max, x.get(JAVA_FLOAT, offset + i * 4L));
    }
    return max;
  }

  private static int firstAtLeast(MemorySegment x, long offset, int n, float bound) {
    int i = 0;
    for (; i <= n - Lanes.LENGTH; i += Lanes.LENGTH) {
      int lane = load(x, offset + i * 4L).compare(VectorOperators.GE, bound).firstTrue();
      if (lane < Lanes.LENGTH) {
        return i + lane;
      }
    }
    while (x.get(JAVA_FLOAT, offset + i * 4L) < bound) {
      i++;
    }
    return i;
  }

  static float sumExp(MemorySegment x, long offset, int n, float invTemperature, float max) {
    float sum = 0;
    for (int begin = 0; begin < n; begin += VOCABULARY_SEGMENT) {
      int count = Math.min(VOCABULARY_SEGMENT, n - begin);
      sum += segmentSumExp(x, offset + begin * 4L, count, invTemperature, max);
    }
    return sum;
  }

  private static float segmentSumExp(
      MemorySegment x, long offset, int n, float invTemperature, float max) {
    MemorySegment partials = Scratch.get();
    int whole = n - n % Functions.PARTIALS;
    for (int lane = 0; lane < Functions.PARTIALS; lane += Lanes.LENGTH) {
      FloatVector sum = zero();
      for (int i = lane; i < whole; i += Functions.PARTIALS) {
        sum = sum.add(Lanes.exp(load(x, offset + i * 4L).mul(invTemperature).sub(max)));
      }
      store(sum, partials, lane * 4L);
    }
    for (int i = whole; i < n; i++) {
      float scaled = x.get(JAVA_FLOAT, offset + i * 4L) * invTemperature;
      long at = (i - whole) * 4L;
      partials.set(JAVA_FLOAT, at, partials.get(JAVA_FLOAT, at) + Functions.exp(scaled - max));
    }
    return Lanes.join(partials, 0);
  }
}
