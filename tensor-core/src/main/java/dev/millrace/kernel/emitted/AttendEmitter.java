package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Assembler.Condition.BELOW;
import static dev.millrace.assembler.Assembler.Condition.BELOW_OR_EQUAL;
import static dev.millrace.assembler.Assembler.Condition.EQUAL;
import static dev.millrace.assembler.Assembler.Condition.GREATER;
import static dev.millrace.assembler.Assembler.Condition.NOT_EQUAL;
import static dev.millrace.assembler.Vec.xmm;
import static dev.millrace.kernel.Kernels.ATTENTION_TILE;

import dev.millrace.assembler.Gp;
import dev.millrace.assembler.Label;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kv.KvType;
import java.util.function.IntConsumer;
import java.util.function.IntFunction;

/**
 * Attention of some queries over tiles of positions (see {@link AttendLayout}):
 *
 * <pre>void f(work, pieces, long pieceCount, constants)</pre>
 *
 * <p>For each piece, queries in groups that share what is read of the cache: their scores and
 * largest scores; then the weights exp(s − M), their sums, and what the outputs shrink by; then the
 * values. Meanwhile the next piece's keys and values are fetched: a tile is where the cache's
 * blocks, and the CPU's own guesses, end. They go to the second level, which has room for more
 * lines under way than the first.
 */
final class AttendEmitter extends StepEmitter {
  private static final Gp WORK = Gp.RDI;
  private static final Gp PIECE = Gp.RSI;
  private static final Gp PIECES_LEFT = Gp.RDX;
  private static final Gp QUERIES_LEFT = Gp.RBX;
  private static final Gp QUERY = Gp.R11; // its q or o
  private static final Gp SCORES = Gp.RAX; // of the group's first query
  private static final Gp NUMBERS = Gp.RBP; // of the group's first query: m, and l and c beyond
  private static final Gp CACHE_0 = Gp.R8;
  private static final Gp CACHE_1 = Gp.R9;
  private static final Gp LEFT = Gp.R10; // features, or positions
  private static final Gp NEXT_0 = Gp.R12; // keys or values to fetch
  private static final Gp NEXT_1 = Gp.R13;
  private static final Gp[] SAVED = {Gp.RBX, Gp.RBP, Gp.R12, Gp.R13};

  private static final int NEXT_PIECE = AttendLayout.PIECE_BYTES;

  private static final int HALF_TILE = ATTENTION_TILE / 2;
  private static final int LINE_BYTES = 64;
  private static final int FEATURES_AT_ONCE = 8;
  private static final int POSITIONS_AT_ONCE = 4;

  /** Vectors of scores or of features that are added up at once, where few queries are. */
  private static final int MAX_CHUNK = 4;

  /** Queries that share what is read of the cache, the most first. */
  private static final int[] AVX512_GROUPS = {12, 8, 6, 4, 3, 2, 1};

  private static final int[] AVX2_GROUPS = {3, 2, 1};

  private static final int L_AFTER_M = AttendLayout.SUMS - AttendLayout.MAXIMA;
  private static final int C_AFTER_M = AttendLayout.SHRINKS - AttendLayout.MAXIMA;

  private final AttendLayout layout;
  private final int headDim;
  private final int blockSize;
  private final KvType type;
  private final int tileVectors; // that a query's scores fill
  private final int[] groups;

  // Registers: numbers of queries come first, then vectors of the cache, then sums, which may have
  // numbers that some instructions can't name.
  private final int factors;
  private final int cacheVectors;
  private final int weighedAtOnce; // queries: three registers for each of their vectors

  AttendEmitter(Isa isa, int headDim, int blockSize, KvType type) {
    super(isa);
    this.layout = new AttendLayout(headDim);
    this.headDim = headDim;
    this.blockSize = blockSize;
    this.type = type;
    tileVectors = ATTENTION_TILE / lanes;
    groups = isa == Isa.AVX512 ? AVX512_GROUPS : AVX2_GROUPS;
    factors = isa == Isa.AVX512 ? 4 : 3;
    cacheVectors = isa == Isa.AVX512 ? MAX_CHUNK : 1;
    weighedAtOnce = isa == Isa.AVX512 ? 4 : 1;
  }

  byte[] emit() {
    for (Gp register : SAVED) {
      a.push(register);
    }
    Label piece = new Label();
    a.bind(piece);
    allScores();
    weigh();
    allValues();
    a.add(PIECE, AttendLayout.PIECE_BYTES);
    a.sub(PIECES_LEFT, 1);
    a.jcc(NOT_EQUAL, piece);
    for (int i = SAVED.length - 1; i >= 0; i--) {
      a.pop(SAVED[i]);
    }
    a.vzeroupper();
    a.ret();
    return a.code();
  }

  private void allScores() {
    toFirstQuery(QUERY, layout.headBytes(), AttendLayout.QUERIES);
    toFirstQuery();
    a.mov(NEXT_0, PIECE.at(NEXT_PIECE + AttendLayout.KEYS_0)); // fetched by the first group
    a.mov(NEXT_1, PIECE.at(NEXT_PIECE + AttendLayout.KEYS_1));
    Label others = new Label();
    inGroups(queries -> scores(queries, true), others);
    a.bind(others);
    inGroups(queries -> scores(queries, false), others);
  }

  private void allValues() {
    toFirstQuery(QUERY, layout.headBytes(), layout.outputs());
    toFirstQuery();
    Label others = new Label();
    inGroups(queries -> addValues(queries, true), others);
    a.bind(others);
    inGroups(queries -> addValues(queries, false), others);
  }

  /**
   * One group of the queries left, as large as registers allow, then on to {@code next}; past all
   * of this when none is left.
   */
  private void inGroups(IntConsumer group, Label next) {
    for (int size : groups) {
      Label smaller = new Label();
      a.cmp(QUERIES_LEFT, size);
      a.jcc(BELOW, smaller);
      group.accept(size);
      a.add(QUERY, size * layout.headBytes());
      a.add(SCORES, size * AttendLayout.SCORE_BYTES);
      a.add(NUMBERS, size * Float.BYTES);
      a.sub(QUERIES_LEFT, size);
      a.jmp(next);
      a.bind(smaller);
    }
  }

  private void toFirstQuery() {
    a.mov(QUERIES_LEFT, PIECE.at(AttendLayout.COUNT));
    toFirstQuery(SCORES, AttendLayout.SCORE_BYTES, AttendLayout.SCORES);
    toFirstQuery(NUMBERS, Float.BYTES, AttendLayout.MAXIMA);
  }

  /** register = work + offset + FIRST·bytes. */
  private void toFirstQuery(Gp register, int bytes, int offset) {
    a.mov(register, bytes);
    a.mov(LEFT, PIECE.at(AttendLayout.FIRST));
    a.imul(register, LEFT);
    a.add(register, WORK);
    a.add(register, offset);
  }

  /** Vectors that sums of so many queries leave room for. */
  private int chunk(int queries) {
    return queries <= 6 ? MAX_CHUNK : MAX_CHUNK / 2;
  }

  private Vec sum(int queries, int query, int vector) {
    return v(factors + cacheVectors + query * chunk(queries) + vector);
  }

  /** Numbers of the cache, widened. */
  private void load(Vec to, Mem from) {
    switch (type) {
      case F32 -> a.vmovups(to, from);
      case F16 -> a.vcvtph2ps(to, from);
    }
  }

  // ---- scores

  private void scores(int queries, boolean prefetching) {
    int keyRowBytes = blockSize * type.bytes();
    for (int query = 0; query < queries; query++) {
      for (int vector = 0; vector < tileVectors; vector++) {
        clear(sum(queries, query, vector));
      }
    }
    a.mov(CACHE_0, PIECE.at(AttendLayout.KEYS_0));
    a.mov(CACHE_1, PIECE.at(AttendLayout.KEYS_1));
    a.mov(LEFT, headDim / FEATURES_AT_ONCE);
    Label features = new Label();
    a.bind(features);
    for (int feature = 0; feature < FEATURES_AT_ONCE; feature++) {
      if (prefetching) {
        prefetchKeys(feature);
      }
      int row = feature * keyRowBytes;
      int number = feature * Float.BYTES;
      multiplyAdd(
          queries,
          tileVectors,
          query -> QUERY.at(query * layout.headBytes() + number),
          vector -> {
            Gp half = vector < tileVectors / 2 ? CACHE_0 : CACHE_1;
            return half.at(row + vector * lanes % HALF_TILE * type.bytes());
          });
    }
    a.add(CACHE_0, FEATURES_AT_ONCE * keyRowBytes);
    a.add(CACHE_1, FEATURES_AT_ONCE * keyRowBytes);
    if (prefetching) {
      a.add(NEXT_0, FEATURES_AT_ONCE * keyRowBytes);
      a.add(NEXT_1, FEATURES_AT_ONCE * keyRowBytes);
    }
    a.add(QUERY, FEATURES_AT_ONCE * Float.BYTES);
    a.sub(LEFT, 1);
    a.jcc(NOT_EQUAL, features);
    a.sub(QUERY, layout.headBytes());
    finishScores(queries);
  }

  /** The next piece's keys of a feature. */
  private void prefetchKeys(int feature) {
    int keyRowBytes = blockSize * type.bytes();
    a.prefetcht1(NEXT_0.at(feature * keyRowBytes));
    if (keyRowBytes > LINE_BYTES) { // else both halves are in one line, or it is near
      a.prefetcht1(NEXT_1.at(feature * keyRowBytes));
    }
  }

  /** s·scale, −∞ where a query doesn't see; M and m − M. */
  private void finishScores(int queries) {
    Vec scale = v(0);
    a.vbroadcastss(scale, WORK.at(AttendLayout.SCALE));
    for (int query = 0; query < queries; query++) {
      for (int vector = 0; vector < tileVectors; vector++) {
        a.vmulps(sum(queries, query, vector), sum(queries, query, vector), scale);
      }
    }
    Label allSeen = new Label();
    a.mov(LEFT, ATTENTION_TILE);
    a.mov(CACHE_0, PIECE.at(AttendLayout.SEEN));
    a.sub(LEFT, CACHE_0);
    a.jcc(EQUAL, allSeen);
    for (int vector = 0; vector < tileVectors; vector++) {
      int at = vector * vectorBytes;
      for (int query = 0; query < queries; query++) {
        Vec score = sum(queries, query, vector);
        a.vandps(score, score, CONSTANTS.at(LEFT, 4, StepConstants.FIRST_LANES + at));
        a.vorps(score, score, CONSTANTS.at(LEFT, 4, StepConstants.MINUS_INFINITY_AFTER + at));
      }
    }
    a.bind(allSeen);
    Vec max = v(0);
    Vec old = v(1);
    Vec temporary = v(2);
    for (int query = 0; query < queries; query++) {
      a.vmaxps(max, sum(queries, query, 0), sum(queries, query, 1));
      for (int vector = 2; vector < tileVectors; vector++) {
        a.vmaxps(max, max, sum(queries, query, vector));
      }
      for (int vector = 0; vector < tileVectors; vector++) {
        int at = query * AttendLayout.SCORE_BYTES + vector * vectorBytes;
        a.vmovups(SCORES.at(at), sum(queries, query, vector));
      }
      largest(max, temporary);
      Vec newMax = xmm(max.number());
      Vec difference = xmm(old.number());
      a.vmovss(difference, NUMBERS.at(query * Float.BYTES));
      a.vmaxps(newMax, newMax, difference);
      a.vmovss(NUMBERS.at(query * Float.BYTES), newMax);
      a.vsubps(difference, difference, newMax);
      a.vmovss(NUMBERS.at(query * Float.BYTES + C_AFTER_M), difference);
    }
  }

  // ---- weights

  private void weigh() {
    toFirstQuery();
    Label shrinks = new Label();
    a.mov(CACHE_0, NUMBERS);
    a.mov(LEFT, QUERIES_LEFT);
    a.bind(shrinks);
    a.vmovups(v(1), CACHE_0.at(C_AFTER_M));
    exp(new Exp(v(0), v(1), v(2)));
    a.vmovups(CACHE_0.at(C_AFTER_M), v(0));
    a.add(CACHE_0, vectorBytes);
    a.sub(LEFT, lanes);
    a.jcc(GREATER, shrinks);

    Label several = new Label();
    Label single = new Label();
    Label done = new Label();
    if (weighedAtOnce > 1) {
      a.bind(several);
      a.cmp(QUERIES_LEFT, weighedAtOnce);
      a.jcc(BELOW, single);
      weigh(weighedAtOnce);
      a.jmp(several);
    }
    a.bind(single);
    a.test(QUERIES_LEFT, QUERIES_LEFT);
    a.jcc(EQUAL, done);
    weigh(1);
    a.jmp(single);
    a.bind(done);
  }

  /** Scores become weights, and are added to l. */
  private void weigh(int queries) {
    Exp[] weights = new Exp[queries * tileVectors];
    for (int i = 0; i < weights.length; i++) {
      Exp weight = new Exp(v(i), v(weights.length + i), v(2 * weights.length + i));
      weights[i] = weight;
      a.vbroadcastss(weight.result(), NUMBERS.at(i / tileVectors * Float.BYTES));
      a.vmovups(weight.x(), SCORES.at(i * vectorBytes));
      a.vsubps(weight.x(), weight.x(), weight.result());
    }
    exp(weights);
    for (int i = 0; i < weights.length; i++) {
      a.vmovups(SCORES.at(i * vectorBytes), weights[i].result());
    }
    for (int query = 0; query < queries; query++) {
      int first = query * tileVectors;
      for (int vector = 0; vector < tileVectors / 2; vector++) {
        a.vaddps(v(first + vector), v(first + vector), v(first + vector + tileVectors / 2));
      }
      join(v(first), v(first + 1));
      Vec sum = xmm(weights.length);
      Vec shrink = xmm(weights.length + 1);
      a.vmovss(sum, NUMBERS.at(query * Float.BYTES + L_AFTER_M));
      a.vmovss(shrink, NUMBERS.at(query * Float.BYTES + C_AFTER_M));
      a.vfmadd213ps(sum, shrink, xmm(first));
      a.vmovss(NUMBERS.at(query * Float.BYTES + L_AFTER_M), sum);
    }
    a.add(SCORES, queries * AttendLayout.SCORE_BYTES);
    a.add(NUMBERS, queries * Float.BYTES);
    a.sub(QUERIES_LEFT, queries);
  }

  // ---- values

  private void addValues(int queries, boolean prefetching) {
    int vectors = headDim / lanes;
    int chunk = chunk(queries);
    for (int first = 0; first < vectors; first += chunk) {
      addChunk(queries, first, Math.min(chunk, vectors - first), prefetching && first == 0);
    }
  }

  private void addChunk(int queries, int first, int vectors, boolean prefetching) {
    for (int query = 0; query < queries; query++) {
      Vec shrink = v(query % factors);
      a.vbroadcastss(shrink, NUMBERS.at(query * Float.BYTES + C_AFTER_M));
      for (int vector = 0; vector < vectors; vector++) {
        a.vmulps(sum(queries, query, vector), shrink, output(query, first + vector));
      }
    }
    a.mov(LEFT, PIECE.at(AttendLayout.SEEN));
    a.mov(CACHE_0, PIECE.at(AttendLayout.VALUES_0));
    if (prefetching) {
      a.mov(NEXT_0, PIECE.at(NEXT_PIECE + AttendLayout.VALUES_0));
    }
    a.mov(CACHE_1, LEFT);
    a.cmp(LEFT, HALF_TILE);
    Label onlyHalf = new Label();
    a.jcc(BELOW_OR_EQUAL, onlyHalf);
    a.mov(LEFT, HALF_TILE);
    a.bind(onlyHalf);
    Label half = new Label();
    a.bind(half);
    a.sub(CACHE_1, LEFT); // positions of the other half
    addPositions(queries, first, vectors, prefetching);
    a.mov(LEFT, CACHE_1);
    a.mov(CACHE_0, PIECE.at(AttendLayout.VALUES_1));
    if (prefetching) {
      a.mov(NEXT_0, PIECE.at(NEXT_PIECE + AttendLayout.VALUES_1));
    }
    a.test(LEFT, LEFT);
    a.jcc(NOT_EQUAL, half);
    a.mov(LEFT, PIECE.at(AttendLayout.SEEN));
    a.shl(LEFT, 2);
    a.sub(SCORES, LEFT);
    for (int query = 0; query < queries; query++) {
      for (int vector = 0; vector < vectors; vector++) {
        a.vmovups(output(query, first + vector), sum(queries, query, vector));
      }
    }
  }

  private Mem output(int query, int vector) {
    return QUERY.at(query * layout.headBytes() + vector * vectorBytes);
  }

  /** LEFT positions from CACHE_0 and SCORES on; leaves SCORES behind them. */
  private void addPositions(int queries, int first, int vectors, boolean prefetching) {
    Label several = new Label();
    Label single = new Label();
    Label done = new Label();
    a.bind(several);
    a.cmp(LEFT, POSITIONS_AT_ONCE);
    a.jcc(BELOW, single);
    for (int position = 0; position < POSITIONS_AT_ONCE; position++) {
      if (prefetching) {
        prefetchValues(position);
      }
      addPosition(position, queries, first, vectors);
    }
    if (prefetching) {
      a.add(NEXT_0, POSITIONS_AT_ONCE * valueBytes());
    }
    pass(POSITIONS_AT_ONCE);
    a.jmp(several);
    a.bind(single);
    a.test(LEFT, LEFT);
    a.jcc(EQUAL, done);
    addPosition(0, queries, first, vectors);
    pass(1);
    a.jmp(single);
    a.bind(done);
  }

  /** The next piece's values of a position. */
  private void prefetchValues(int position) {
    for (int at = 0; at < valueBytes(); at += LINE_BYTES) {
      a.prefetcht1(NEXT_0.at(position * valueBytes() + at));
    }
  }

  private void pass(int positions) {
    a.add(CACHE_0, positions * valueBytes());
    a.add(SCORES, positions * Float.BYTES);
    a.sub(LEFT, positions);
  }

  /** Of a position. */
  private int valueBytes() {
    return headDim * type.bytes();
  }

  private void addPosition(int position, int queries, int first, int vectors) {
    multiplyAdd(
        queries,
        vectors,
        query -> SCORES.at(query * AttendLayout.SCORE_BYTES + position * Float.BYTES),
        vector -> CACHE_0.at((position * headDim + (first + vector) * lanes) * type.bytes()));
  }

  // ---- both

  /**
   * sum[query][vector] += number[query]·cache[vector], with as many vectors of the cache in
   * registers as there is room for.
   */
  private void multiplyAdd(
      int queries, int vectors, IntFunction<Mem> number, IntFunction<Mem> cache) {
    for (int from = 0; from < vectors; from += cacheVectors) {
      int to = Math.min(from + cacheVectors, vectors);
      for (int vector = from; vector < to; vector++) {
        load(v(factors + vector - from), cache.apply(vector));
      }
      for (int query = 0; query < queries; query++) {
        Vec factor = v(query % factors);
        if (from == 0 || queries > factors) {
          a.vbroadcastss(factor, number.apply(query));
        }
        for (int vector = from; vector < to; vector++) {
          a.vfmadd231ps(sum(queries, query, vector), factor, v(factors + vector - from));
        }
      }
    }
  }
}
