package dev.millrace.kernel.vector;

import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.Lanes.get;
import static dev.millrace.kernel.vector.Lanes.set;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.millrace.kernel.Functions;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/** What is done to rows of activations, value by value but for the sum of a norm. */
final class Elementwise {
  private static final int PIECE = 1024;

  /** Both lanes of a pair take the even one, the odd one, each other. */
  private static final VectorShuffle<Float> EVEN = VectorShuffle.fromOp(Lanes.FLOATS, i -> i & ~1);

  private static final VectorShuffle<Float> ODD = VectorShuffle.fromOp(Lanes.FLOATS, i -> i | 1);
  private static final VectorShuffle<Float> SWAP = VectorShuffle.fromOp(Lanes.FLOATS, i -> i ^ 1);
  private static final FloatVector MINUS_PLUS = minusPlus();

  private Elementwise() {}

  /** −1 in even lanes, 1 in odd ones. */
  private static FloatVector minusPlus() {
    float[] signs = new float[Lanes.LENGTH];
    for (int i = 0; i < signs.length; i++) {
      signs[i] = i % 2 == 0 ? -1 : 1;
    }
    return FloatVector.fromArray(Lanes.FLOATS, signs, 0);
  }

  /** One row. */
  static void rmsNorm(long x, long weight, float epsilon, long y, int columns) {
    float mean = sumOfSquares(x, columns) / columns;
    float scale = 1f / (float) Math.sqrt(mean + epsilon);
    int i = 0;
    for (; i <= columns - Lanes.LENGTH; i += Lanes.LENGTH) {
      FloatVector scaled = fromMemorySegment(FLOATS, MEMORY, x + i * 4L, ORDER).mul(scale);
      scaled
          .mul(fromMemorySegment(FLOATS, MEMORY, weight + i * 4L, ORDER))
          .intoMemorySegment(MEMORY, y + i * 4L, ORDER);
    }
    for (; i < columns; i++) {
      set(y + i * 4L, get(x + i * 4L) * scale * get(weight + i * 4L));
    }
  }

  private static float sumOfSquares(long x, int columns) {
    long partials = Scratch.address();
    int whole = columns - columns % Functions.PARTIALS;
    for (int lane = 0; lane < Functions.PARTIALS; lane += Lanes.LENGTH) {
      FloatVector sum = FloatVector.zero(FLOATS);
      for (int i = lane; i < whole; i += Functions.PARTIALS) {
        FloatVector v = fromMemorySegment(FLOATS, MEMORY, x + i * 4L, ORDER);
        sum = v.fma(v, sum);
      }
      sum.intoMemorySegment(MEMORY, partials + lane * 4L, ORDER);
    }
    for (int i = whole; i < columns; i++) {
      float v = get(x + i * 4L);
      long partial = partials + (i - whole) * 4L;
      set(partial, Math.fma(v, v, get(partial)));
    }
    return Lanes.join(partials);
  }

  /** One head, in place. */
  static void rotate(long x, int headDim, long cosSin) {
    int i = 0;
    for (; i <= headDim - Lanes.LENGTH; i += Lanes.LENGTH) {
      FloatVector ab = fromMemorySegment(FLOATS, MEMORY, x + i * 4L, ORDER);
      FloatVector cs = fromMemorySegment(FLOATS, MEMORY, cosSin + i * 4L, ORDER);
      FloatVector bsc = ab.rearrange(ODD).mul(cs.rearrange(SWAP)).mul(MINUS_PLUS); // −b·sin, b·cos
      ab.rearrange(EVEN).fma(cs, bsc).intoMemorySegment(MEMORY, x + i * 4L, ORDER);
    }
    for (; i < headDim; i += 2) {
      float a = get(x + i * 4L);
      float b = get(x + i * 4L + 4);
      float cos = get(cosSin + i * 4L);
      float sin = get(cosSin + i * 4L + 4);
      set(x + i * 4L, Math.fma(a, cos, -(b * sin)));
      set(x + i * 4L + 4, Math.fma(a, sin, b * cos));
    }
  }

  /** By pieces, whose exponentials stand in scratch. */
  static void swiglu(long gate, long up, long out, long from, long to) {
    long exps = Scratch.address();
    for (long i = from; i < to; i += PIECE) {
      int count = (int) Math.min(PIECE, to - i);
      negate(gate + i * 4, count, exps);
      Exp.ofDifferences(exps, count, 0);
      gate(gate + i * 4, exps, up + i * 4, count, out + i * 4);
    }
  }

  private static void negate(long x, int count, long to) {
    int i = 0;
    for (; i <= count - Lanes.LENGTH; i += Lanes.LENGTH) {
      fromMemorySegment(FLOATS, MEMORY, x + i * 4L, ORDER)
          .neg()
          .intoMemorySegment(MEMORY, to + i * 4L, ORDER);
    }
    for (; i < count; i++) {
      set(to + i * 4L, -get(x + i * 4L));
    }
  }

  /** out = gate / (1 + exps) · up. */
  private static void gate(long gate, long exps, long up, int count, long out) {
    int i = 0;
    for (; i <= count - Lanes.LENGTH; i += Lanes.LENGTH) {
      FloatVector silu =
          fromMemorySegment(FLOATS, MEMORY, gate + i * 4L, ORDER)
              .div(fromMemorySegment(FLOATS, MEMORY, exps + i * 4L, ORDER).add(1f));
      silu.mul(fromMemorySegment(FLOATS, MEMORY, up + i * 4L, ORDER))
          .intoMemorySegment(MEMORY, out + i * 4L, ORDER);
    }
    for (; i < count; i++) {
      float silu = get(gate + i * 4L) / (1f + get(exps + i * 4L));
      set(out + i * 4L, silu * get(up + i * 4L));
    }
  }

  static void add(long x, long y, long from, long to) {
    long i = from;
    for (; i <= to - Lanes.LENGTH; i += Lanes.LENGTH) {
      fromMemorySegment(FLOATS, MEMORY, x + i * 4, ORDER)
          .add(fromMemorySegment(FLOATS, MEMORY, y + i * 4, ORDER))
          .intoMemorySegment(MEMORY, x + i * 4, ORDER);
    }
    for (; i < to; i++) {
      set(x + i * 4, get(x + i * 4) + get(y + i * 4));
    }
  }
}
