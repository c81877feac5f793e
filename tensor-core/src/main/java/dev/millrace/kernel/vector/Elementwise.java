package dev.millrace.kernel.vector;

import static dev.millrace.kernel.vector.Lanes.load;
import static dev.millrace.kernel.vector.Lanes.store;
import static dev.millrace.kernel.vector.Lanes.zero;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.Functions;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;

/** What is done to rows of activations, value by value but for the sum of a norm. */
final class Elementwise {
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

  static void rmsNorm(
      MemorySegment x,
      MemorySegment weight,
      float epsilon,
      MemorySegment y,
      int columns,
      int fromRow,
      int toRow) {
    for (int row = fromRow; row < toRow; row++) {
      long offset = (long) row * columns * Float.BYTES;
      float mean = sumOfSquares(x, offset, columns) / columns;
      float scale = 1f / (float) Math.sqrt(mean + epsilon);
      scaleByWeight(x, offset, scale, weight, y, columns);
    }
  }

  private static float sumOfSquares(MemorySegment x, long offset, int columns) {
    MemorySegment partials = Scratch.get();
    int whole = columns - columns % Functions.PARTIALS;
    for (int lane = 0; lane < Functions.PARTIALS; lane += Lanes.LENGTH) {
      FloatVector sum = zero();
      for (int i = lane; i < whole; i += Functions.PARTIALS) {
        FloatVector v = load(x, offset + i * 4L);
        sum = v.fma(v, sum);
      }
      store(sum, partials, lane * 4L);
    }
    for (int i = whole; i < columns; i++) {
      float v = x.get(JAVA_FLOAT, offset + i * 4L);
      long at = (i - whole) * 4L;
      partials.set(JAVA_FLOAT, at, Math.fma(v, v, partials.get(JAVA_FLOAT, at)));
    }
    return Lanes.join(partials, 0);
  }

  private static void scaleByWeight(
      MemorySegment x,
      long offset,
      float scale,
      MemorySegment weight,
      MemorySegment y,
      int columns) {
    int i = 0;
    for (; i <= columns - Lanes.LENGTH; i += Lanes.LENGTH) {
      FloatVector scaled = load(x, offset + i * 4L).mul(scale);
      store(scaled.mul(load(weight, i * 4L)), y, offset + i * 4L);
    }
    for (; i < columns; i++) {
      float scaled = x.get(JAVA_FLOAT, offset + i * 4L) * scale;
      y.set(JAVA_FLOAT, offset + i * 4L, scaled * weight.get(JAVA_FLOAT, i * 4L));
    }
  }

  /** One head, in place; {@code angles} is where its position's cosines and sines stand. */
  static void rotate(MemorySegment x, long offset, int headDim, MemorySegment cosSin, long angles) {
    int i = 0;
    for (; i <= headDim - Lanes.LENGTH; i += Lanes.LENGTH) {
      FloatVector ab = load(x, offset + i * 4L);
      FloatVector cs = load(cosSin, angles + i * 4L);
      FloatVector bsc = ab.rearrange(ODD).mul(cs.rearrange(SWAP)).mul(MINUS_PLUS); // −b·sin, b·cos
      store(ab.rearrange(EVEN).fma(cs, bsc), x, offset + i * 4L);
    }
    for (; i < headDim; i += 2) {
      float a = x.get(JAVA_FLOAT, offset + i * 4L);
      float b = x.get(JAVA_FLOAT, offset + i * 4L + 4);
      float cos = cosSin.get(JAVA_FLOAT, angles + i * 4L);
      float sin = cosSin.get(JAVA_FLOAT, angles + i * 4L + 4);
      x.set(JAVA_FLOAT, offset + i * 4L, Math.fma(a, cos, -(b * sin)));
      x.set(JAVA_FLOAT, offset + i * 4L + 4, Math.fma(a, sin, b * cos));
    }
  }

  static void swiglu(MemorySegment gate, MemorySegment up, MemorySegment out, long from, long to) {
    long i = from;
    for (; i <= to - Lanes.LENGTH; i += Lanes.LENGTH) {
      FloatVector g = load(gate, i * 4);
      FloatVector silu = g.div(Lanes.exp(g.neg()).add(1f));
      store(silu.mul(load(up, i * 4)), out, i * 4);
    }
    for (; i < to; i++) {
      float silu = Functions.silu(gate.get(JAVA_FLOAT, i * 4));
      out.set(JAVA_FLOAT, i * 4, silu * up.get(JAVA_FLOAT, i * 4));
    }
  }

  static void add(MemorySegment x, MemorySegment y, long from, long to) {
    long i = from;
    for (; i <= to - Lanes.LENGTH; i += Lanes.LENGTH) {
      store(load(x, i * 4).add(load(y, i * 4)), x, i * 4);
    }
    for (; i < to; i++) {
      x.set(JAVA_FLOAT, i * 4, x.get(JAVA_FLOAT, i * 4) + y.get(JAVA_FLOAT, i * 4));
    }
  }
}
