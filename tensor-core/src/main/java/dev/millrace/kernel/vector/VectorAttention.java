package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.ATTENTION_SEGMENT;
import static dev.millrace.kernel.Kernels.ATTENTION_TILE;
import static dev.millrace.kernel.vector.Lanes.ADDRESS_BITS;
import static dev.millrace.kernel.vector.Lanes.FLOATS;
import static dev.millrace.kernel.vector.Lanes.MEMORY;
import static dev.millrace.kernel.vector.Lanes.ORDER;
import static dev.millrace.kernel.vector.Lanes.get;
import static dev.millrace.kernel.vector.Lanes.getInt;
import static dev.millrace.kernel.vector.Lanes.getLong;
import static dev.millrace.kernel.vector.Lanes.set;
import static dev.millrace.kernel.vector.Lanes.setInt;
import static dev.millrace.kernel.vector.Lanes.setLong;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.millrace.kernel.Functions;
import dev.millrace.kernel.Kernels;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvType;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorOperators;

/**
 * Attention over paged keys and values. A query is one row's query head; all queries of a call
 * share one key-value head, and a tile of its positions is read once for all of them. Scores have
 * positions in their lanes, outputs have features. The partial state is kept where it is wanted: o,
 * m, l of each query.
 */
final class VectorAttention {
  /** Queries of one call: rows × query heads that share a key-value head. */
  static final int MAX_QUERIES = 256;

  /** Bounds distances between rows for C2, as {@link Lanes#ADDRESS_BITS} does addresses. */
  private static final int STRIDE_BITS = (1 << 24) - 1;

  private static final long TILE_BYTES = ATTENTION_TILE * (long) Float.BYTES; // of one query

  /** Half a tile's positions: they lie in one block, whatever its size. */
  private static final int HALF_TILE = ATTENTION_TILE / 2;

  /** Features of a head whose keys and values are widened in scratch. */
  static final int MAX_WIDENED = 512;

  private static final long PARTIALS_BYTES = Functions.PARTIALS * (long) Float.BYTES;

  /**
   * Scratch: each query's address, its state's and the end of what it sees [queries]; 16 partial
   * sums; a tile's scores [queries][32] and right behind them, as many as there are, shrinks
   * [queries], rounded up to whole vectors; a tile's keys [features][32] and values [32][features]
   * where the pool's are narrower.
   */
  private static final long QUERIES = 0;

  private static final long STATES = QUERIES + MAX_QUERIES * Long.BYTES;
  private static final long ENDS = STATES + MAX_QUERIES * Long.BYTES;
  private static final long PARTIALS = ENDS + MAX_QUERIES * Integer.BYTES;
  private static final long SCORES = PARTIALS + PARTIALS_BYTES;
  private static final long KEYS =
      SCORES + MAX_QUERIES * (TILE_BYTES + Float.BYTES) + Functions.PARTIALS * Float.BYTES;
  private static final long VALUES = KEYS + MAX_WIDENED * TILE_BYTES;

  static {
    Scratch.require(VALUES + MAX_WIDENED * TILE_BYTES);
  }

  private VectorAttention() {}

  /**
   * @param queries address of the first row's first query head that shares {@code kvHead}
   * @param sharing how many do
   * @param length positions that the first row sees
   * @param states address of the first query's state
   */
  static void attend(
      long queries,
      long queryRowBytes,
      int rows,
      int sharing,
      float scale,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int length,
      int segment,
      long states,
      long stateRowBytes) {
    long scratch = Scratch.address();
    long headBytes = layer.headDim() * 4L;
    long stateBytes = Kernels.attentionStateFloats(layer.headDim()) * 4L;
    int segmentEnd = (segment + 1) * ATTENTION_SEGMENT;
    int count = 0;
    for (int row = 0; row < rows; row++) {
      for (int head = 0; head < sharing; head++) {
        long state = states + row * stateRowBytes + head * stateBytes;
        reset(state, stateBytes, headBytes);
        setLong(scratch + QUERIES + count * 8L, queries + row * queryRowBytes + head * headBytes);
        setLong(scratch + STATES + count * 8L, state);
        setInt(scratch + ENDS + count * 4L, Math.min(length + row, segmentEnd));
        count++;
      }
    }
    int end = Math.min(length + rows - 1, segmentEnd);
    for (int begin = segment * ATTENTION_SEGMENT; begin < end; begin += ATTENTION_TILE) {
      int firstRow = Math.max(0, begin - length + 1); // that sees this tile
      int first = firstRow * sharing;
      int positions = Math.min(ATTENTION_TILE, end - begin);
      int block = blocks[begin / layer.blockSize()];
      int slot = begin % layer.blockSize();
      int next = positions > HALF_TILE ? begin + HALF_TILE : begin; // none: not read
      int nextBlock = blocks[next / layer.blockSize()];
      int nextSlot = next % layer.blockSize();
      long keys0 = layer.k().address() + layer.keyOffset(block, kvHead, slot, 0);
      long keys1 = layer.k().address() + layer.keyOffset(nextBlock, kvHead, nextSlot, 0);
      long values0 = layer.v().address() + layer.valueOffset(block, kvHead, slot, 0);
      long values1 = layer.v().address() + layer.valueOffset(nextBlock, kvHead, nextSlot, 0);
      int keyStride = layer.blockSize();
      if (layer.type() == KvType.F16) {
        int seen1 = positions - HALF_TILE;
        widenKeys(keys0, keys1, keyStride, layer.headDim(), scratch + KEYS);
        widen(values0, Math.min(positions, HALF_TILE) * layer.headDim(), scratch + VALUES);
        widen(values1, seen1 * layer.headDim(), scratch + VALUES + HALF_TILE * headBytes);
        keys0 = scratch + KEYS;
        keys1 = keys0 + TILE_BYTES / 2;
        values0 = scratch + VALUES;
        values1 = values0 + HALF_TILE * headBytes;
        keyStride = ATTENTION_TILE;
      }
      score(scratch, first, count, scale, keys0, keys1, keyStride, layer.headDim(), positions);
      weigh(scratch, first, count, begin, headBytes);
      addValues(scratch, first, count, values0, values1, layer.headDim(), begin);
    }
  }

  /** Two halves of a tile's keys, [features][stride] of fp16 each, to [features][32] floats. */
  private static void widenKeys(long keys0, long keys1, int stride, int headDim, long to) {
    for (int d = 0; d < headDim; d++) {
      widen(keys0 + d * (stride * 2L), HALF_TILE, to + d * TILE_BYTES);
      widen(keys1 + d * (stride * 2L), HALF_TILE, to + d * TILE_BYTES + TILE_BYTES / 2);
    }
  }

  private static void widen(long halves, int count, long floats) {
    int i = 0;
    for (; i <= count - Lanes.LENGTH; i += Lanes.LENGTH) {
      Halves.load(halves + i * 2L).intoMemorySegment(MEMORY, floats + i * 4L, ORDER);
    }
    for (; i < count; i++) {
      set(floats + i * 4L, Float.float16ToFloat(MEMORY.get(JAVA_SHORT, halves + i * 2L)));
    }
  }

  private static void reset(long state, long stateBytes, long headBytes) {
    for (long at = 0; at < stateBytes; at += Lanes.BYTES) {
      FloatVector.zero(FLOATS).intoMemorySegment(MEMORY, state + at, ORDER);
    }
    set(state + headBytes, Float.NEGATIVE_INFINITY);
  }

  /** Scores of queries [first, count) at a tile's positions, two vectors of them at a time. */
  private static void score(
      long scratch,
      int first,
      int count,
      float scale,
      long keysOfHalf0,
      long keysOfHalf1,
      int keyStride,
      int headDim,
      int positions) {
    for (int i = 0; i < positions; i += 2 * Lanes.LENGTH) {
      int next = i + Lanes.LENGTH;
      long keys0 = i < HALF_TILE ? keysOfHalf0 + i * 4L : keysOfHalf1 + (i - HALF_TILE) * 4L;
      long keys1 =
          next < HALF_TILE ? keysOfHalf0 + next * 4L : keysOfHalf1 + (next - HALF_TILE) * 4L;
      for (int query = first; query < count; query += 4) {
        int last = count - 1 - query; // where there are fewer than 4 it stands in for the others
        dots(
            scratch + QUERIES + query * 8L,
            Math.min(1, last),
            Math.min(2, last),
            Math.min(3, last),
            keys0,
            keys1,
            keyStride,
            headDim,
            scale,
            scratch + SCORES + query * TILE_BYTES + i * 4L);
      }
    }
  }

  /** Of the queries whose addresses stand at {@code queries}: the first, b, c and d after it. */
  private static void dots(
      long queries,
      int b,
      int c,
      int d,
      long keys0,
      long keys1,
      int keyStride,
      int headDim,
      float scale,
      long scores) {
    long stride = (keyStride & STRIDE_BITS) * 4L;
    long ka = keys0 & ADDRESS_BITS;
    long kb = keys1 & ADDRESS_BITS;
    long qa = getLong(queries) & ADDRESS_BITS;
    long qb = getLong(queries + b * 8L) & ADDRESS_BITS;
    long qc = getLong(queries + c * 8L) & ADDRESS_BITS;
    long qd = getLong(queries + d * 8L) & ADDRESS_BITS;
    FloatVector s00 = FloatVector.zero(FLOATS);
    FloatVector s01 = FloatVector.zero(FLOATS);
    FloatVector s10 = FloatVector.zero(FLOATS);
    FloatVector s11 = FloatVector.zero(FLOATS);
    FloatVector s20 = FloatVector.zero(FLOATS);
    FloatVector s21 = FloatVector.zero(FLOATS);
    FloatVector s30 = FloatVector.zero(FLOATS);
    FloatVector s31 = FloatVector.zero(FLOATS);
    for (int i = 0; i < headDim; i++) {
      FloatVector k0 = fromMemorySegment(FLOATS, MEMORY, ka + i * stride, ORDER);
      FloatVector k1 = fromMemorySegment(FLOATS, MEMORY, kb + i * stride, ORDER);
      FloatVector q0 = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, qa + i * 4L));
      s00 = q0.fma(k0, s00);
      s01 = q0.fma(k1, s01);
      FloatVector q1 = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, qb + i * 4L));
      s10 = q1.fma(k0, s10);
      s11 = q1.fma(k1, s11);
      FloatVector q2 = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, qc + i * 4L));
      s20 = q2.fma(k0, s20);
      s21 = q2.fma(k1, s21);
      FloatVector q3 = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, qd + i * 4L));
      s30 = q3.fma(k0, s30);
      s31 = q3.fma(k1, s31);
    }
    long to0 = scores & ADDRESS_BITS;
    long to1 = scores + b * TILE_BYTES & ADDRESS_BITS;
    long to2 = scores + c * TILE_BYTES & ADDRESS_BITS;
    long to3 = scores + d * TILE_BYTES & ADDRESS_BITS;
    s00.mul(scale).intoMemorySegment(MEMORY, to0, ORDER);
    s01.mul(scale).intoMemorySegment(MEMORY, to0 + Lanes.BYTES, ORDER);
    s10.mul(scale).intoMemorySegment(MEMORY, to1, ORDER);
    s11.mul(scale).intoMemorySegment(MEMORY, to1 + Lanes.BYTES, ORDER);
    s20.mul(scale).intoMemorySegment(MEMORY, to2, ORDER);
    s21.mul(scale).intoMemorySegment(MEMORY, to2 + Lanes.BYTES, ORDER);
    s30.mul(scale).intoMemorySegment(MEMORY, to3, ORDER);
    s31.mul(scale).intoMemorySegment(MEMORY, to3 + Lanes.BYTES, ORDER);
  }

  /**
   * Turns scores into weights exp(s − M), which are 0 past a query's end, brings m and l up to
   * date, and leaves exp(m − M), what the outputs so far shrink by, in the shrinks.
   */
  private static void weigh(long scratch, int first, int count, int begin, long headBytes) {
    long scores = scratch + SCORES;
    long shrinks = scores + count * TILE_BYTES;
    for (int query = first; query < count; query++) {
      long max = getLong(scratch + STATES + query * 8L) + headBytes;
      int seen = seen(scratch, query, begin);
      set(shrinks + query * 4L, subtractMax(scores + query * TILE_BYTES, seen, max));
    }
    int values = (count - first) * ATTENTION_TILE + count; // shrinks of queries before are stale
    Exp.ofDifferences(scores + first * TILE_BYTES, values, 0);
    for (int query = first; query < count; query++) {
      long sum = getLong(scratch + STATES + query * 8L) + headBytes + Float.BYTES;
      float shrink = get(shrinks + query * 4L);
      set(sum, Math.fma(get(sum), shrink, sum(scores + query * TILE_BYTES, scratch + PARTIALS)));
    }
  }

  /** Positions of the tile that starts at {@code begin} that a query sees. */
  private static int seen(long scratch, int query, int begin) {
    return Math.min(ATTENTION_TILE, getInt(scratch + ENDS + query * 4L) - begin);
  }

  /** Brings m up to date, whose address is {@code max}; returns m − M, or −∞ where m is. */
  private static float subtractMax(long scores, int seen, long max) {
    for (int i = seen; i < ATTENTION_TILE; i++) {
      set(scores + i * 4L, Float.NEGATIVE_INFINITY);
    }
    FloatVector highest = fromMemorySegment(FLOATS, MEMORY, scores, ORDER);
    for (int i = Lanes.LENGTH; i < ATTENTION_TILE; i += Lanes.LENGTH) {
      highest = highest.max(fromMemorySegment(FLOATS, MEMORY, scores + i * 4L, ORDER));
    }
    float oldMax = get(max);
    float newMax = Math.max(oldMax, highest.reduceLanes(VectorOperators.MAX));
    for (int i = 0; i < ATTENTION_TILE; i += Lanes.LENGTH) {
      FloatVector score = fromMemorySegment(FLOATS, MEMORY, scores + i * 4L, ORDER);
      score.sub(newMax).intoMemorySegment(MEMORY, scores + i * 4L, ORDER);
    }
    set(max, newMax);
    return oldMax == Float.NEGATIVE_INFINITY ? Float.NEGATIVE_INFINITY : oldMax - newMax;
  }

  /** Of a tile's weights, of which i and i + 16 make one partial sum. */
  private static float sum(long weights, long partials) {
    for (int i = 0; i < Functions.PARTIALS; i += Lanes.LENGTH) {
      long at = weights + i * 4L;
      fromMemorySegment(FLOATS, MEMORY, at, ORDER)
          .add(fromMemorySegment(FLOATS, MEMORY, at + PARTIALS_BYTES, ORDER))
          .intoMemorySegment(MEMORY, partials + i * 4L, ORDER);
    }
    return Lanes.join(partials);
  }

  /** Shrinks outputs and adds the tile's values to them, two queries at a time. */
  private static void addValues(
      long scratch, int first, int count, long values0, long values1, int headDim, int begin) {
    boolean adjacent = values1 == values0 + HALF_TILE * (headDim * 4L);
    int partner;
    for (int query = first; query < count; query = partner + 1) {
      int seen = seen(scratch, query, begin);
      boolean alike = query + 1 < count && seen(scratch, query + 1, begin) == seen;
      partner = alike ? query + 1 : query; // a query without one stands in both places
      int run;
      for (int i = 0; i < seen; i += run) { // of positions in one place
        run = adjacent ? seen : Math.min(seen - i, HALF_TILE);
        long values = i == 0 ? values0 : values1;
        addRun(scratch, query, partner, count, i, run, values, headDim);
      }
    }
  }

  /** o[d] = o[d]·c, then o[d] = fma(p[i], v[i][d], o[d]), i ascending; c is 1 after a first run. */
  private static void addRun(
      long scratch,
      int query,
      int partner,
      int count,
      int firstPosition,
      int run,
      long values,
      int headDim) {
    long shrinks = scratch + SCORES + count * TILE_BYTES;
    float shrink0 = firstPosition == 0 ? get(shrinks + query * 4L) : 1;
    float shrink1 = firstPosition == 0 ? get(shrinks + partner * 4L) : 1;
    long weights0 = scratch + SCORES + query * TILE_BYTES + firstPosition * 4L;
    long weights1 = scratch + SCORES + partner * TILE_BYTES + firstPosition * 4L;
    long outputs0 = getLong(scratch + STATES + query * 8L);
    long outputs1 = getLong(scratch + STATES + partner * 8L);
    int d = 0;
    for (; d <= headDim - 4 * Lanes.LENGTH; d += 4 * Lanes.LENGTH) {
      long skip = d * 4L;
      addFourVectors(
          weights0,
          weights1,
          run,
          values + skip,
          headDim,
          outputs0 + skip,
          outputs1 + skip,
          shrink0,
          shrink1);
    }
    addRest(weights0, run, values, headDim, d, outputs0, shrink0);
    if (partner != query) {
      addRest(weights1, run, values, headDim, d, outputs1, shrink1);
    }
  }

  private static void addFourVectors(
      long weights0,
      long weights1,
      int run,
      long values,
      int headDim,
      long outputs0,
      long outputs1,
      float shrink0,
      float shrink1) {
    long stride = (headDim & STRIDE_BITS) * 4L;
    long wa = weights0 & ADDRESS_BITS;
    long wb = weights1 & ADDRESS_BITS;
    long first = values & ADDRESS_BITS;
    long a = outputs0 & ADDRESS_BITS;
    long b = outputs1 & ADDRESS_BITS;
    FloatVector a0 = fromMemorySegment(FLOATS, MEMORY, a, ORDER).mul(shrink0);
    FloatVector a1 = fromMemorySegment(FLOATS, MEMORY, a + Lanes.BYTES, ORDER).mul(shrink0);
    FloatVector a2 = fromMemorySegment(FLOATS, MEMORY, a + 2 * Lanes.BYTES, ORDER).mul(shrink0);
    FloatVector a3 = fromMemorySegment(FLOATS, MEMORY, a + 3 * Lanes.BYTES, ORDER).mul(shrink0);
    FloatVector b0 = fromMemorySegment(FLOATS, MEMORY, b, ORDER).mul(shrink1);
    FloatVector b1 = fromMemorySegment(FLOATS, MEMORY, b + Lanes.BYTES, ORDER).mul(shrink1);
    FloatVector b2 = fromMemorySegment(FLOATS, MEMORY, b + 2 * Lanes.BYTES, ORDER).mul(shrink1);
    FloatVector b3 = fromMemorySegment(FLOATS, MEMORY, b + 3 * Lanes.BYTES, ORDER).mul(shrink1);
    for (int i = 0; i < run; i++) {
      long v = first + i * stride;
      FloatVector v0 = fromMemorySegment(FLOATS, MEMORY, v, ORDER);
      FloatVector v1 = fromMemorySegment(FLOATS, MEMORY, v + Lanes.BYTES, ORDER);
      FloatVector v2 = fromMemorySegment(FLOATS, MEMORY, v + 2 * Lanes.BYTES, ORDER);
      FloatVector v3 = fromMemorySegment(FLOATS, MEMORY, v + 3 * Lanes.BYTES, ORDER);
      FloatVector pa = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, wa + i * 4L));
      a0 = pa.fma(v0, a0);
      a1 = pa.fma(v1, a1);
      a2 = pa.fma(v2, a2);
      a3 = pa.fma(v3, a3);
      FloatVector pb = FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, wb + i * 4L));
      b0 = pb.fma(v0, b0);
      b1 = pb.fma(v1, b1);
      b2 = pb.fma(v2, b2);
      b3 = pb.fma(v3, b3);
    }
    a0.intoMemorySegment(MEMORY, a, ORDER);
    a1.intoMemorySegment(MEMORY, a + Lanes.BYTES, ORDER);
    a2.intoMemorySegment(MEMORY, a + 2 * Lanes.BYTES, ORDER);
    a3.intoMemorySegment(MEMORY, a + 3 * Lanes.BYTES, ORDER);
    b0.intoMemorySegment(MEMORY, b, ORDER);
    b1.intoMemorySegment(MEMORY, b + Lanes.BYTES, ORDER);
    b2.intoMemorySegment(MEMORY, b + 2 * Lanes.BYTES, ORDER);
    b3.intoMemorySegment(MEMORY, b + 3 * Lanes.BYTES, ORDER);
  }

  /** Features from {@code d} on, which don't fill four vectors. */
  private static void addRest(
      long weights, int run, long values, int headDim, int d, long outputs, float shrink) {
    for (; d <= headDim - Lanes.LENGTH; d += Lanes.LENGTH) {
      FloatVector o = fromMemorySegment(FLOATS, MEMORY, outputs + d * 4L, ORDER).mul(shrink);
      for (int i = 0; i < run; i++) {
        long v = values + d * 4L + i * (headDim * 4L);
        o =
            FloatVector.broadcast(FLOATS, MEMORY.get(JAVA_FLOAT, weights + i * 4L))
                .fma(fromMemorySegment(FLOATS, MEMORY, v, ORDER), o);
      }
      o.intoMemorySegment(MEMORY, outputs + d * 4L, ORDER);
    }
    for (; d < headDim; d++) {
      float o = get(outputs + d * 4L) * shrink;
      for (int i = 0; i < run; i++) {
        o = Math.fma(get(weights + i * 4L), get(values + d * 4L + i * (headDim * 4L)), o);
      }
      set(outputs + d * 4L, o);
    }
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
