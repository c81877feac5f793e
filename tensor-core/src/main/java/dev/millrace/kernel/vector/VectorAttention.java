package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.ATTENTION_SEGMENT;
import static dev.millrace.kernel.Kernels.ATTENTION_TILE;
import static dev.millrace.kernel.vector.Lanes.ADDRESS_BITS;
import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.Lanes.get;
import static dev.millrace.kernel.vector.Lanes.set;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.millrace.kernel.Functions;
import dev.millrace.kernel.Kernels;
import dev.millrace.kv.KvLayer;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention over paged keys and values. Scores have positions in their lanes, outputs have
 * features. The partial state is kept where it is wanted: o, m, l of each query head.
 */
final class VectorAttention {
  private static final long PARTIALS_BYTES = Functions.PARTIALS * (long) Float.BYTES;
  private static final long SCORES_BYTES = ATTENTION_TILE * (long) Float.BYTES; // of one head

  /** Query heads that may share a key-value head. */
  static final int MAX_SHARING = 256;

  /** Scratch: 16 partial sums; scores [sharing][tile]. */
  private static final long PARTIALS = 0;

  private static final long SCORES = PARTIALS + PARTIALS_BYTES;

  static {
    Scratch.require(SCORES + MAX_SHARING * SCORES_BYTES);
  }

  /** Bounds distances between rows for C2, as {@link Lanes#ADDRESS_BITS} does addresses. */
  private static final int STRIDE_BITS = (1 << 24) - 1;

  private VectorAttention() {}

  /**
   * @param queries address of the first query head that shares {@code kvHead}
   * @param state address of its state
   */
  static void attend(
      long queries,
      int sharing,
      float scale,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int length,
      int segment,
      long state) {
    long partials = Scratch.address() + PARTIALS;
    long scores = Scratch.address() + SCORES;
    int headDim = layer.headDim();
    long headBytes = (long) headDim * Float.BYTES;
    long stateBytes = (long) Kernels.attentionStateFloats(headDim) * Float.BYTES;
    for (int head = 0; head < sharing; head++) {
      reset(state + head * stateBytes, stateBytes, headBytes);
    }
    int end = Math.min(length, (segment + 1) * ATTENTION_SEGMENT);
    for (int begin = segment * ATTENTION_SEGMENT; begin < end; begin += ATTENTION_TILE) {
      int count = Math.min(ATTENTION_TILE, end - begin);
      for (int head = 0; head < sharing; head += 2) {
        int next = Math.min(head + 1, sharing - 1); // the last of an odd number goes twice
        score(
            queries + head * headBytes,
            queries + next * headBytes,
            scale,
            layer,
            blocks,
            kvHead,
            begin,
            count,
            scores + head * SCORES_BYTES,
            scores + next * SCORES_BYTES);
      }
      for (int head = 0; head < sharing; head++) {
        long weights = scores + head * SCORES_BYTES;
        long outputs = state + head * stateBytes;
        float shrink = softmax(weights, partials, outputs + headBytes);
        if (shrink != 1) {
          scale(outputs, headDim, shrink);
        }
        addValues(weights, layer, blocks, kvHead, begin, count, outputs);
      }
    }
  }

  private static void reset(long state, long stateBytes, long headBytes) {
    for (long at = 0; at < stateBytes; at += Lanes.BYTES) {
      FloatVector.zero(FLOATS).intoMemorySegment(MEMORY, state + at, ORDER);
    }
    set(state + headBytes, Float.NEGATIVE_INFINITY);
  }

  /** Scores of two query heads, two vectors of positions at a time; −∞ past the end. */
  private static void score(
      long query0,
      long query1,
      float scale,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int begin,
      int count,
      long scores0,
      long scores1) {
    int blockSize = layer.blockSize();
    long keys = layer.k().address();
    for (int i = 0; i < count; i += 2 * Lanes.LENGTH) {
      int first = begin + i;
      int second = i + Lanes.LENGTH < count ? first + Lanes.LENGTH : first; // none: not read
      dots(
          query0,
          query1,
          keys + layer.keyOffset(blocks[first / blockSize], kvHead) + first % blockSize * 4L,
          keys + layer.keyOffset(blocks[second / blockSize], kvHead) + second % blockSize * 4L,
          blockSize,
          layer.headDim(),
          scale,
          scores0 + i * 4L,
          scores1 + i * 4L);
    }
    for (int i = count; i < ATTENTION_TILE; i++) {
      set(scores0 + i * 4L, Float.NEGATIVE_INFINITY);
      set(scores1 + i * 4L, Float.NEGATIVE_INFINITY);
    }
  }

  private static void dots(
      long query0,
      long query1,
      long keys0,
      long keys1,
      int blockSize,
      int headDim,
      float scale,
      long scores0,
      long scores1) {
    long stride = (blockSize & STRIDE_BITS) * 4L;
    long qa = query0 & ADDRESS_BITS;
    long qb = query1 & ADDRESS_BITS;
    long ka = keys0 & ADDRESS_BITS;
    long kb = keys1 & ADDRESS_BITS;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = FloatVector.zero(FLOATS);
    FloatVector s10 = FloatVector.zero(FLOATS);
    FloatVector s11 = FloatVector.zero(FLOATS);
    for (int d = 0; d < headDim; d++) {
      FloatVector k0 = fromMemorySegment(FLOATS, MEMORY, ka + d * stride, ORDER);
      FloatVector k1 = fromMemorySegment(FLOATS, MEMORY, kb + d * stride, ORDER);
      FloatVector q0 = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, qa + d * 4L));
      FloatVector q1 = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, qb + d * 4L));
      s00 = q0.fma(k0, s00);
      s01 = q0.fma(k1, s01);
      s10 = q1.fma(k0, s10);
      s11 = q1.fma(k1, s11);
    }
    long a = scores0 & ADDRESS_BITS;
    long b = scores1 & ADDRESS_BITS;
    s00.mul(scale).intoMemorySegment(MEMORY, a, ORDER);
    s01.mul(scale).intoMemorySegment(MEMORY, a + Lanes.BYTES, ORDER);
    s10.mul(scale).intoMemorySegment(MEMORY, b, ORDER);
    s11.mul(scale).intoMemorySegment(MEMORY, b + Lanes.BYTES, ORDER);
  }

  /**
   * Turns a tile's scores into weights exp(s − M), which are 0 past the end, and brings m and l,
   * which stand at {@code max}, up to date.
   *
   * @return exp(m − M): what the outputs so far shrink by
   */
  private static float softmax(long scores, long partials, long max) {
    float oldMax = get(max);
    float newMax = Math.max(oldMax, highest(scores));
    Exp.ofDifferences(scores, ATTENTION_TILE, newMax);
    float shrink = oldMax == Float.NEGATIVE_INFINITY ? 0 : Functions.exp(oldMax - newMax);
    long sum = max + Float.BYTES;
    addHalves(scores, partials);
    set(sum, Math.fma(get(sum), shrink, Lanes.join(partials)));
    set(max, newMax);
    return shrink;
  }

  private static float highest(long scores) {
    FloatVector highest = fromMemorySegment(FLOATS, MEMORY, scores, ORDER);
    for (int i = Lanes.LENGTH; i < ATTENTION_TILE; i += Lanes.LENGTH) {
      highest = highest.max(fromMemorySegment(FLOATS, MEMORY, scores + i * 4L, ORDER));
    }
    return highest.reduceLanes(VectorOperators.MAX);
  }

  /** A tile's weights i and i + 16 make one partial sum. */
  private static void addHalves(long weights, long partials) {
    for (int i = 0; i < Functions.PARTIALS; i += Lanes.LENGTH) {
      long at = weights + i * 4L;
      fromMemorySegment(FLOATS, MEMORY, at, ORDER)
          .add(fromMemorySegment(FLOATS, MEMORY, at + PARTIALS_BYTES, ORDER))
          .intoMemorySegment(MEMORY, partials + i * 4L, ORDER);
    }
  }

  private static void scale(long values, int count, float factor) {
    int i = 0;
    for (; i <= count - Lanes.LENGTH; i += Lanes.LENGTH) {
      fromMemorySegment(FLOATS, MEMORY, values + i * 4L, ORDER)
          .mul(factor)
          .intoMemorySegment(MEMORY, values + i * 4L, ORDER);
    }
    for (; i < count; i++) {
      set(values + i * 4L, get(values + i * 4L) * factor);
    }
  }

  /** Adds a tile's values to a head's outputs, run by run of positions in one block. */
  private static void addValues(
      long weights, KvLayer layer, int[] blocks, int kvHead, int begin, int count, long outputs) {
    int blockSize = layer.blockSize();
    int headDim = layer.headDim();
    int run;
    for (int i = 0; i < count; i += run) {
      int position = begin + i;
      int slot = position % blockSize;
      run = Math.min(count - i, blockSize - slot);
      long values =
          layer.v().address()
              + layer.valueOffset(blocks[position / blockSize], kvHead)
              + (long) slot * headDim * Float.BYTES;
      addRun(weights + i * 4L, run, values, headDim, outputs);
    }
  }

  /** o[d] = fma(p[i], v[i][d], o[d]), i ascending. */
  private static void addRun(long weights, int run, long values, int headDim, long outputs) {
    int d = 0;
    for (; d <= headDim - 4 * Lanes.LENGTH; d += 4 * Lanes.LENGTH) {
      addFourVectors(weights, run, values + d * 4L, headDim, outputs + d * 4L);
    }
    for (; d <= headDim - Lanes.LENGTH; d += Lanes.LENGTH) {
      addOneVector(weights, run, values + d * 4L, headDim, outputs + d * 4L);
    }
    for (; d < headDim; d++) {
      float o = get(outputs + d * 4L);
      for (int i = 0; i < run; i++) {
        o = Math.fma(get(weights + i * 4L), get(values + d * 4L + i * (headDim * 4L)), o);
      }
      set(outputs + d * 4L, o);
    }
  }

  private static void addFourVectors(
      long weights, int run, long values, int headDim, long outputs) {
    long stride = (headDim & STRIDE_BITS) * 4L;
    long w = weights & ADDRESS_BITS;
    long first = values & ADDRESS_BITS;
    long o = outputs & ADDRESS_BITS;
    FloatVector o0 = fromMemorySegment(FLOATS, MEMORY, o, ORDER);
    FloatVector o1 = fromMemorySegment(FLOATS, MEMORY, o + Lanes.BYTES, ORDER);
    FloatVector o2 = fromMemorySegment(FLOATS, MEMORY, o + 2 * Lanes.BYTES, ORDER);
    FloatVector o3 = fromMemorySegment(FLOATS, MEMORY, o + 3 * Lanes.BYTES, ORDER);
    for (int i = 0; i < run; i++) {
      FloatVector p = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, w + i * 4L));
      long v = first + i * stride;
      o0 = p.fma(fromMemorySegment(FLOATS, MEMORY, v, ORDER), o0);
      o1 = p.fma(fromMemorySegment(FLOATS, MEMORY, v + Lanes.BYTES, ORDER), o1);
      o2 = p.fma(fromMemorySegment(FLOATS, MEMORY, v + 2 * Lanes.BYTES, ORDER), o2);
      o3 = p.fma(fromMemorySegment(FLOATS, MEMORY, v + 3 * Lanes.BYTES, ORDER), o3);
    }
    o0.intoMemorySegment(MEMORY, o, ORDER);
    o1.intoMemorySegment(MEMORY, o + Lanes.BYTES, ORDER);
    o2.intoMemorySegment(MEMORY, o + 2 * Lanes.BYTES, ORDER);
    o3.intoMemorySegment(MEMORY, o + 3 * Lanes.BYTES, ORDER);
  }

  private static void addOneVector(long weights, int run, long values, int headDim, long outputs) {
    FloatVector o = fromMemorySegment(FLOATS, MEMORY, outputs, ORDER);
    for (int i = 0; i < run; i++) {
      o =
          FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, weights + i * 4L))
              .fma(fromMemorySegment(FLOATS, MEMORY, values + i * (headDim * 4L), ORDER), o);
    }
    o.intoMemorySegment(MEMORY, outputs, ORDER);
  }

  /**
   * @param state address of the first segment's state
   * @param stride bytes to the next segment's
   */
  static void merge(long state, long stride, int segments, int headDim, long out) {
    long headBytes = headDim * 4L;
    float max = get(state + headBytes);
    float sum = get(state + headBytes + Float.BYTES);
    for (int d = 0; d < headDim; d++) {
      set(out + d * 4L, get(state + d * 4L));
    }
    for (int segment = 1; segment < segments; segment++) {
      long next = state + segment * stride;
      float nextMax = get(next + headBytes);
      float newMax = Math.max(max, nextMax);
      float a = Functions.exp(max - newMax);
      float b = Functions.exp(nextMax - newMax);
      sum = Math.fma(sum, a, get(next + headBytes + Float.BYTES) * b);
      max = newMax;
      mergeOutputs(out, a, next, b, headDim);
    }
    divide(out, headDim, sum);
  }

  /** out[d] = fma(out[d], a, o[d]·b). */
  private static void mergeOutputs(long out, float a, long o, float b, int headDim) {
    int d = 0;
    for (; d <= headDim - Lanes.LENGTH; d += Lanes.LENGTH) {
      FloatVector added = fromMemorySegment(FLOATS, MEMORY, o + d * 4L, ORDER).mul(b);
      fromMemorySegment(FLOATS, MEMORY, out + d * 4L, ORDER)
          .fma(FloatVector.broadcast(FLOATS, a), added)
          .intoMemorySegment(MEMORY, out + d * 4L, ORDER);
    }
    for (; d < headDim; d++) {
      set(out + d * 4L, Math.fma(get(out + d * 4L), a, get(o + d * 4L) * b));
    }
  }

  private static void divide(long values, int count, float divisor) {
    int i = 0;
    for (; i <= count - Lanes.LENGTH; i += Lanes.LENGTH) {
      fromMemorySegment(FLOATS, MEMORY, values + i * 4L, ORDER)
          .div(divisor)
          .intoMemorySegment(MEMORY, values + i * 4L, ORDER);
    }
    for (; i < count; i++) {
      set(values + i * 4L, get(values + i * 4L) / divisor);
    }
  }
}
