package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.ATTENTION_SEGMENT;
import static dev.millrace.kernel.Kernels.ATTENTION_TILE;
import static dev.millrace.kernel.vector.Lanes.broadcast;
import static dev.millrace.kernel.vector.Lanes.load;
import static dev.millrace.kernel.vector.Lanes.store;
import static dev.millrace.kernel.vector.Lanes.zero;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.Functions;
import dev.millrace.kernel.Kernels;
import dev.millrace.kv.KvLayer;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention over paged keys and values. Scores have positions in their lanes, outputs have
 * features. The partial state is kept in place: o, m, l of each query head.
 */
final class VectorAttention {
  /** Query heads that may share a key-value head: as many rows of scores fit into scratch. */
  static final int MAX_SHARING = Scratch.BYTES / (ATTENTION_TILE * Float.BYTES);

  private static final long SCORES_BYTES = ATTENTION_TILE * (long) Float.BYTES; // of one head

  private VectorAttention() {}

  static void attend(
      MemorySegment q,
      long qOffset,
      int heads,
      float scale,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int length,
      int segment,
      MemorySegment state,
      long stateOffset) {
    MemorySegment scores = Scratch.get();
    int headDim = layer.headDim();
    int sharing = heads / layer.kvHeads();
    long headBytes = (long) headDim * Float.BYTES;
    long stateBytes = (long) Kernels.attentionStateFloats(headDim) * Float.BYTES;
    long queries = qOffset + sharing * headBytes * kvHead;
    for (int head = 0; head < sharing; head++) {
      reset(state, stateOffset + head * stateBytes, headDim);
    }
    int end = Math.min(length, (segment + 1) * ATTENTION_SEGMENT);
    for (int begin = segment * ATTENTION_SEGMENT; begin < end; begin += ATTENTION_TILE) {
      int count = Math.min(ATTENTION_TILE, end - begin);
      for (int head = 0; head < sharing; head += 2) {
        int next = Math.min(head + 1, sharing - 1); // the last of an odd number goes twice
        scores(
            q,
            queries + head * headBytes,
            queries + next * headBytes,
            scale,
            layer,
            blocks,
            kvHead,
            begin,
            count,
            scores,
            head * SCORES_BYTES,
            next * SCORES_BYTES);
      }
      for (int head = 0; head < sharing; head++) {
        long headState = stateOffset + head * stateBytes;
        float shrink = softmax(scores, head * SCORES_BYTES, count, state, headState + headBytes);
        if (shrink != 1) {
          scale(state, headState, headDim, shrink);
        }
        for (int i = 0; i < count; ) {
          int slot = (begin + i) % layer.blockSize();
          int run = Math.min(count - i, layer.blockSize() - slot);
          long values =
              layer.valueOffset(blocks[(begin + i) / layer.blockSize()], kvHead) + slot * headBytes;
          long weights = head * SCORES_BYTES + (long) i * Float.BYTES;
          addValues(scores, weights, run, layer.v(), values, headDim, state, headState);
          i += run;
        }
      }
    }
  }

  private static void reset(MemorySegment state, long offset, int headDim) {
    for (int d = 0; d < headDim; d++) {
      state.set(JAVA_FLOAT, offset + (long) d * Float.BYTES, 0);
    }
    state.set(JAVA_FLOAT, offset + (long) headDim * Float.BYTES, Float.NEGATIVE_INFINITY);
    state.set(JAVA_FLOAT, offset + (headDim + 1L) * Float.BYTES, 0);
  }

  /** Scores of two query heads, two vectors of positions at a time. */
  private static void scores(
      MemorySegment q,
      long query0,
      long query1,
      float scale,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int begin,
      int count,
      MemorySegment scores,
      long scores0,
      long scores1) {
    int blockSize = layer.blockSize();
    for (int i = 0; i < count; i += 2 * Lanes.LENGTH) {
      int first = begin + i;
      int second = i + Lanes.LENGTH < count ? first + Lanes.LENGTH : first; // none: not read
      dots(
          q,
          query0,
          query1,
          layer.k(),
          layer.keyOffset(blocks[first / blockSize], kvHead) + first % blockSize * 4L,
          layer.keyOffset(blocks[second / blockSize], kvHead) + second % blockSize * 4L,
          blockSize * (long) Float.BYTES,
          layer.headDim(),
          scale,
          scores,
          scores0 + (long) i * Float.BYTES,
          scores1 + (long) i * Float.BYTES);
    }
  }

  private static void dots(
      MemorySegment q,
      long query0,
      long query1,
      MemorySegment k,
      long keys0,
      long keys1,
      long stride,
      int headDim,
      float scale,
      MemorySegment scores,
      long scores0,
      long scores1) {
    FloatVector s00 = zero();
    FloatVector s01 = zero();
    FloatVector s10 = zero();
    FloatVector s11 = zero();
    for (int d = 0; d < headDim; d++) {
      FloatVector k0 = load(k, keys0 + d * stride);
      FloatVector k1 = load(k, keys1 + d * stride);
      FloatVector q0 = broadcast(q, query0 + d * 4L);
      FloatVector q1 = broadcast(q, query1 + d * 4L);
      s00 = q0.fma(k0, s00);
      s01 = q0.fma(k1, s01);
      s10 = q1.fma(k0, s10);
      s11 = q1.fma(k1, s11);
    }
    store(s00.mul(scale), scores, scores0);
    store(s01.mul(scale), scores, scores0 + Lanes.BYTES);
    store(s10.mul(scale), scores, scores1);
    store(s11.mul(scale), scores, scores1 + Lanes.BYTES);
  }

  /**
   * Turns a tile's scores into weights exp(s − M), zeros past {@code count}, and brings m and l,
   * which stand at {@code maxOffset}, up to date.
   *
   * @return exp(m − M): what the outputs so far shrink by
   */
  private static float softmax(
      MemorySegment scores, long offset, int count, MemorySegment state, long maxOffset) {
    long sumOffset = maxOffset + Float.BYTES;
    float max = state.get(JAVA_FLOAT, maxOffset);
    FloatVector highest = broadcast(max);
    for (int i = 0; i < ATTENTION_TILE; i += Lanes.LENGTH) {
      VectorMask<Float> live = Lanes.FLOATS.indexInRange(i, count);
      FloatVector s = load(scores, offset + (long) i * Float.BYTES);
      highest = highest.lanewise(VectorOperators.MAX, s, live);
    }
    float newMax = highest.reduceLanes(VectorOperators.MAX);
    for (int i = 0; i < ATTENTION_TILE; i += Lanes.LENGTH) {
      long at = offset + (long) i * Float.BYTES;
      VectorMask<Float> live = Lanes.FLOATS.indexInRange(i, count);
      store(zero().blend(Lanes.exp(load(scores, at).sub(newMax)), live), scores, at);
    }
    float shrink = max == Float.NEGATIVE_INFINITY ? 0 : Functions.exp(max - newMax);
    float sum = Lanes.joinPairs(scores, offset);
    state.set(JAVA_FLOAT, sumOffset, Math.fma(state.get(JAVA_FLOAT, sumOffset), shrink, sum));
    state.set(JAVA_FLOAT, maxOffset, newMax);
    return shrink;
  }

  private static void scale(MemorySegment state, long offset, int headDim, float factor) {
    int d = 0;
    for (; d <= headDim - Lanes.LENGTH; d += Lanes.LENGTH) {
      long at = offset + (long) d * Float.BYTES;
      store(load(state, at).mul(factor), state, at);
    }
    for (; d < headDim; d++) {
      long at = offset + (long) d * Float.BYTES;
      state.set(JAVA_FLOAT, at, state.get(JAVA_FLOAT, at) * factor);
    }
  }

  /** o[d] = fma(p[i], v[i][d], o[d]) for a run of positions in one block, i ascending. */
  private static void addValues(
      MemorySegment weights,
      long weightOffset,
      int run,
      MemorySegment v,
      long values,
      int headDim,
      MemorySegment state,
      long offset) {
    long stride = (long) headDim * Float.BYTES;
    int d = 0;
    for (; d <= headDim - 4 * Lanes.LENGTH; d += 4 * Lanes.LENGTH) {
      long skip = (long) d * Float.BYTES;
      addFourVectors(weights, weightOffset, run, v, values + skip, stride, state, offset + skip);
    }
    for (; d <= headDim - Lanes.LENGTH; d += Lanes.LENGTH) {
      long skip = (long) d * Float.BYTES;
      FloatVector o = load(state, offset + skip);
      for (int i = 0; i < run; i++) {
        FloatVector p = broadcast(weights, weightOffset + i * 4L);
        o = p.fma(load(v, values + skip + i * stride), o);
      }
      store(o, state, offset + skip);
    }
    for (; d < headDim; d++) {
      long skip = (long) d * Float.BYTES;
      float o = state.get(JAVA_FLOAT, offset + skip);
      for (int i = 0; i < run; i++) {
        float p = weights.get(JAVA_FLOAT, weightOffset + i * 4L);
        o = Math.fma(p, v.get(JAVA_FLOAT, values + skip + i * stride), o);
      }
      state.set(JAVA_FLOAT, offset + skip, o);
    }
  }

  private static void addFourVectors(
      MemorySegment weights,
      long weightOffset,
      int run,
      MemorySegment v,
      long values,
      long stride,
      MemorySegment state,
      long offset) {
    FloatVector o0 = load(state, offset);
    FloatVector o1 = load(state, offset + Lanes.BYTES);
    FloatVector o2 = load(state, offset + 2 * Lanes.BYTES);
    FloatVector o3 = load(state, offset + 3 * Lanes.BYTES);
    for (int i = 0; i < run; i++) {
      FloatVector p = broadcast(weights, weightOffset + i * 4L);
      long at = values + i * stride;
      o0 = p.fma(load(v, at), o0);
      o1 = p.fma(load(v, at + Lanes.BYTES), o1);
      o2 = p.fma(load(v, at + 2 * Lanes.BYTES), o2);
      o3 = p.fma(load(v, at + 3 * Lanes.BYTES), o3);
    }
    store(o0, state, offset);
    store(o1, state, offset + Lanes.BYTES);
    store(o2, state, offset + 2 * Lanes.BYTES);
    store(o3, state, offset + 3 * Lanes.BYTES);
  }

  static void merge(
      MemorySegment state,
      long offset,
      long stride,
      int segments,
      int headDim,
      MemorySegment out,
      long outOffset) {
    long headBytes = (long) headDim * Float.BYTES;
    MemorySegment.copy(state, offset, out, outOffset, headBytes);
    float max = state.get(JAVA_FLOAT, offset + headBytes);
    float sum = state.get(JAVA_FLOAT, offset + headBytes + Float.BYTES);
    for (int segment = 1; segment < segments; segment++) {
      long next = offset + segment * stride;
      float nextMax = state.get(JAVA_FLOAT, next + headBytes);
      float nextSum = state.get(JAVA_FLOAT, next + headBytes + Float.BYTES);
      float newMax = Math.max(max, nextMax);
      float a = Functions.exp(max - newMax);
      float b = Functions.exp(nextMax - newMax);
      sum = Math.fma(sum, a, nextSum * b);
      max = newMax;
      mergeOutputs(state, next, a, b, headDim, out, outOffset);
    }
    divide(out, outOffset, headDim, sum);
  }

  /** out[d] = fma(out[d], a, o[d]·b). */
  private static void mergeOutputs(
      MemorySegment state, long o, float a, float b, int headDim, MemorySegment out, long at) {
    int d = 0;
    for (; d <= headDim - Lanes.LENGTH; d += Lanes.LENGTH) {
      long skip = (long) d * Float.BYTES;
      FloatVector added = load(state, o + skip).mul(b);
      store(load(out, at + skip).fma(broadcast(a), added), out, at + skip);
    }
    for (; d < headDim; d++) {
      long skip = (long) d * Float.BYTES;
      float added = state.get(JAVA_FLOAT, o + skip) * b;
      out.set(JAVA_FLOAT, at + skip, Math.fma(out.get(JAVA_FLOAT, at + skip), a, added));
    }
  }

  private static void divide(MemorySegment out, long offset, int count, float divisor) {
    int i = 0;
    for (; i <= count - Lanes.LENGTH; i += Lanes.LENGTH) {
      long at = offset + (long) i * Float.BYTES;
      store(load(out, at).div(divisor), out, at);
    }
    for (; i < count; i++) {
      long at = offset + (long) i * Float.BYTES;
      out.set(JAVA_FLOAT, at, out.get(JAVA_FLOAT, at) / divisor);
    }
  }
}
