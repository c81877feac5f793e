package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.THRESHOLDS;
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
  private static final long PARTIALS_BYTES = Functions.PARTIALS * 4L;

  /** Bit i in lane i: which lanes a mask's low bits choose. */
  private static final IntVector LANE_BITS =
      IntVector.broadcast(INTS, 1).lanewise(VectorOperators.LSHL, IntVector.zero(INTS).addIndex(1));

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

  static float exp(long x, int n, float max, float invTemperature, long weights) {
    float sum = 0;
    for (int begin = 0; begin < n; begin += VOCABULARY_SEGMENT) {
      int count = Math.min(VOCABULARY_SEGMENT, n - begin);
      sum += segmentExp(x + begin * 4L, count, max, invTemperature, weights + begin * 4L);
    }
    return sum;
  }

  private static float segmentExp(long x, int n, float max, float invTemperature, long weights) {
    long exps = Scratch.address();
    int i = 0;
    for (; i <= n - Lanes.LENGTH; i += Lanes.LENGTH) {
      fromMemorySegment(FLOATS, MEMORY, x + i * 4L, ORDER)
          .sub(max)
          .mul(invTemperature)
          .intoMemorySegment(MEMORY, exps + i * 4L, ORDER);
    }
    for (; i < n; i++) {
      set(exps + i * 4L, (get(x + i * 4L) - max) * invTemperature);
    }
    Exp.ofDifferences(exps, n, 0);
    Lanes.copyRows(exps, 0, 1, n, weights, 0);
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

  static void sumsFrom(long x, long weights, int n, float[] thresholds, float[] sums) {
    long partials = Scratch.address(); // [THRESHOLDS][16]
    long values = x & ADDRESS_BITS;
    long summands = weights & ADDRESS_BITS;
    int whole = n & -Functions.PARTIALS;
    FloatVector threshold0 = FloatVector.broadcast(FLOATS, thresholds[0]);
    FloatVector threshold1 = FloatVector.broadcast(FLOATS, thresholds[1]);
    FloatVector threshold2 = FloatVector.broadcast(FLOATS, thresholds[2]);
    FloatVector threshold3 = FloatVector.broadcast(FLOATS, thresholds[3]);
    for (int lane = 0; lane < Functions.PARTIALS; lane += Lanes.LENGTH) {
      FloatVector sum0 = FloatVector.zero(FLOATS);
      FloatVector sum1 = FloatVector.zero(FLOATS);
      FloatVector sum2 = FloatVector.zero(FLOATS);
      FloatVector sum3 = FloatVector.zero(FLOATS);
      for (int i = lane; i < whole; i += Functions.PARTIALS) {
        FloatVector value = fromMemorySegment(FLOATS, MEMORY, values + i * 4L, ORDER);
        FloatVector weight = fromMemorySegment(FLOATS, MEMORY, summands + i * 4L, ORDER);
        sum0 = sum0.add(weight, value.compare(VectorOperators.GE, threshold0));
        sum1 = sum1.add(weight, value.compare(VectorOperators.GE, threshold1));
        sum2 = sum2.add(weight, value.compare(VectorOperators.GE, threshold2));
        sum3 = sum3.add(weight, value.compare(VectorOperators.GE, threshold3));
      }
      sum0.intoMemorySegment(MEMORY, partials + lane * 4L, ORDER);
      sum1.intoMemorySegment(MEMORY, partials + PARTIALS_BYTES + lane * 4L, ORDER);
      sum2.intoMemorySegment(MEMORY, partials + 2 * PARTIALS_BYTES + lane * 4L, ORDER);
      sum3.intoMemorySegment(MEMORY, partials + 3 * PARTIALS_BYTES + lane * 4L, ORDER);
    }
    for (int j = 0; j < THRESHOLDS; j++) {
      long own = partials + j * PARTIALS_BYTES;
      for (int i = whole; i < n; i++) {
        if (get(x + i * 4L) >= thresholds[j]) {
          long at = own + (i - whole) * 4L;
          set(at, get(at) + get(weights + i * 4L));
        }
      }
      sums[j] = Lanes.join(own);
    }
  }

  static int select(long x, int n, float from, float below, int[] into) {
    long values = x & ADDRESS_BITS;
    int count = 0;
    int i = 0;
    for (; i <= n - Lanes.LENGTH; i += Lanes.LENGTH) {
      FloatVector value = fromMemorySegment(FLOATS, MEMORY, values + i * 4L, ORDER);
      long inside =
          value
              .compare(VectorOperators.GE, from)
              .and(value.compare(VectorOperators.LT, below))
              .toLong();
      for (; inside != 0; inside &= inside - 1) {
        into[count++] = i + Long.numberOfTrailingZeros(inside);
      }
    }
    for (; i < n; i++) {
      float value = get(x + i * 4L);
      if (value >= from && value < below) {
        into[count++] = i;
      }
    }
    return count;
  }

  static void choose(long x, int n, long[] chosen, float otherwise, long out) {
    long values = x & ADDRESS_BITS;
    long results = out & ADDRESS_BITS;
    FloatVector others = FloatVector.broadcast(FLOATS, otherwise);
    int whole = n & -Long.SIZE;
    for (int begin = 0; begin < whole; begin += Long.SIZE) {
      long bits = chosen[begin / Long.SIZE];
      for (int i = begin; i < begin + Long.SIZE; i += Lanes.LENGTH) {
        others
            .blend(
                fromMemorySegment(FLOATS, MEMORY, values + i * 4L, ORDER),
                IntVector.broadcast(INTS, (int) (bits >>> i))
                    .and(LANE_BITS)
                    .compare(VectorOperators.NE, 0)
                    .cast(FLOATS))
            .intoMemorySegment(MEMORY, results + i * 4L, ORDER);
      }
    }
    for (int i = whole; i < n; i++) {
      boolean isChosen = (chosen[i / Long.SIZE] >>> i & 1) != 0;
      set(out + i * 4L, isChosen ? get(x + i * 4L) : otherwise);
    }
  }
}
