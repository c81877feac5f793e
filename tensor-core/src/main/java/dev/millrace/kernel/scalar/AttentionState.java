package dev.millrace.kernel.scalar;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.Functions;
import dev.millrace.kernel.Kernels;
import dev.millrace.kv.KvLayer;
import java.lang.foreign.MemorySegment;

/** One query head's online softmax (Milakov and Gimelshein 2018) over the positions seen so far. */
final class AttentionState {
  final float[] outputs; // Σ exp(s[i] − max)·v[i]
  float max = Float.NEGATIVE_INFINITY; // of the scores s
  float sum; // Σ exp(s[i] − max)

  AttentionState(int headDim) {
    outputs = new float[headDim];
  }

  /** Takes a segment's positions in, of the {@code length} that the row sees. */
  void attendSegment(
      MemorySegment q,
      long query,
      float scale,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int length,
      int segment) {
    int end = Math.min(length, (segment + 1) * Kernels.ATTENTION_SEGMENT);
    for (int begin = segment * Kernels.ATTENTION_SEGMENT;
        begin < end;
        begin += Kernels.ATTENTION_TILE) {
      int tileEnd = Math.min(end, begin + Kernels.ATTENTION_TILE);
      attendTile(q, query, scale, layer, blocks, kvHead, begin, tileEnd);
    }
  }

  /** Takes positions [begin, end) in, at most a tile of them. */
  private void attendTile(
      MemorySegment q,
      long query,
      float scale,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int begin,
      int end) {
    float[] weights = new float[Kernels.ATTENTION_TILE]; // 0 past the end
    float newMax = max;
    for (int i = begin; i < end; i++) {
      float score = score(q, query, layer, blocks[i / layer.blockSize()], kvHead, i) * scale;
      weights[i - begin] = score;
      newMax = Math.max(newMax, score);
    }
    float shrink = max == Float.NEGATIVE_INFINITY ? 0 : Functions.exp(max - newMax);
    for (int i = 0; i < end - begin; i++) {
      weights[i] = Functions.exp(weights[i] - newMax);
    }
    sum = Math.fma(sum, shrink, sum(weights));
    for (int d = 0; d < outputs.length; d++) {
      outputs[d] *= shrink;
    }
    for (int i = begin; i < end; i++) {
      int block = blocks[i / layer.blockSize()];
      int slot = i % layer.blockSize();
      for (int d = 0; d < outputs.length; d++) {
        float value = layer.get(layer.v(), layer.valueOffset(block, kvHead, slot, d));
        outputs[d] = Math.fma(weights[i - begin], value, outputs[d]);
      }
    }
    max = newMax;
  }

  private static float score(
      MemorySegment q, long query, KvLayer layer, int block, int kvHead, int position) {
    int slot = position % layer.blockSize();
    float score = 0;
    for (int d = 0; d < layer.headDim(); d++) {
      float key = layer.get(layer.k(), layer.keyOffset(block, kvHead, slot, d));
      score = Math.fma(q.getAtIndex(JAVA_FLOAT, query + d), key, score);
    }
    return score;
  }

  private static float sum(float[] weights) {
    float[] partials = new float[Functions.PARTIALS];
    for (int j = 0; j < Functions.PARTIALS; j++) {
      partials[j] = weights[j] + weights[j + Functions.PARTIALS];
    }
    return Functions.join(partials);
  }

  /** Takes the positions in that {@code next} has seen, which follow this one's. */
  void merge(AttentionState next) {
    float newMax = Math.max(max, next.max);
    float a = Functions.exp(max - newMax);
    float b = Functions.exp(next.max - newMax);
    sum = Math.fma(sum, a, next.sum * b);
    for (int d = 0; d < outputs.length; d++) {
      outputs[d] = Math.fma(outputs[d], a, next.outputs[d] * b);
    }
    max = newMax;
  }

  /** Writes outputs, max, sum from element {@code first} on. */
  void write(MemorySegment state, long first) {
    MemorySegment.copy(outputs, 0, state, JAVA_FLOAT, first * Float.BYTES, outputs.length);
    state.setAtIndex(JAVA_FLOAT, first + outputs.length, max);
    state.setAtIndex(JAVA_FLOAT, first + outputs.length + 1, sum);
  }

  static AttentionState read(MemorySegment state, long first, int headDim) {
    AttentionState read = new AttentionState(headDim);
    MemorySegment.copy(state, JAVA_FLOAT, first * Float.BYTES, read.outputs, 0, headDim);
    read.max = state.getAtIndex(JAVA_FLOAT, first + headDim);
    read.sum = state.getAtIndex(JAVA_FLOAT, first + headDim + 1);
    return read;
  }
}
