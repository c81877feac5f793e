package dev.millrace.kernel;

import dev.millrace.kv.KvLayer;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What the networks need done to numbers. Every implementation (tier) gives the same bits for the
 * same input, whatever its vector width, and whatever part of the work one call does: callers split
 * work between threads by the ranges [from, to). Kernels have no state, so calls from several
 * threads are fine as long as they write to different places.
 *
 * <p>All segments are native memory of float32 unless said otherwise. x[t] is row t. fma(a, b, c)
 * is a·b + c rounded once. The definitions below <em>are</em> the result, to the bit.
 */
public interface Kernels {
  /**
   * Outputs of a multiply are split between callers in multiples of this: whole blocks, where they
   * are rounded next.
   */
  int ROW_GROUP = 32;

  /** Columns that share a scale, in quantized weights and rounded activations. */
  int QUANTIZATION_BLOCK = 32;

  /** 2⁻¹⁰⁰: a block of activations with no magnitude above it is rounded to zeros. */
  float QUANTIZATION_FLOOR = 0x1p-100f;

  /** Attention's tiles: positions from a sequence's start that share one online-softmax update. */
  int ATTENTION_TILE = 32;

  /** Attention's segments: positions that one call covers; segments are merged ascending. */
  int ATTENTION_SEGMENT = 512;

  /** Sums over the vocabulary go by segments of this many entries, joined ascending. */
  int VOCABULARY_SEGMENT = 4096;

  /** "scalar", "vector", ... */
  String name();

  /** Copies weights from a file's layout into this tier's. */
  Weights pack(WeightSource source, Arena arena);

  /**
   * As the other, of weights that lie in memory.
   *
   * @param source {@code type.bytes(rows · columns)} bytes; any alignment
   */
  default Weights pack(ElementType type, MemorySegment source, int rows, int columns, Arena arena) {
    return pack(WeightSource.of(type, source, rows, columns), arena);
  }

  /** Room for rounded activations; written by {@link #quantize}, read by {@link #multiply}. */
  QuantizedRows quantizedRows(ActivationPrecision precision, int maxRows, int columns, Arena arena);

  /**
   * Rounds columns [fromColumn, toColumn), whole blocks, of rows [fromRow, toRow) of x [·, all
   * columns], per block of 32: amax = max|x|; below 2⁻¹⁰⁰ the block is zeros with da = 0; else da =
   * amax/L, q = rint(x·(L/amax)), ties to even, where L is the precision's {@link
   * ActivationPrecision#largest}. A block that holds a non-finite value gets da = NaN, so that it
   * spoils its own row only.
   */
  void quantize(
      MemorySegment x, QuantizedRows into, int fromRow, int toRow, int fromColumn, int toColumn);

  /** Rounds all columns. */
  default void quantize(MemorySegment x, QuantizedRows into, int fromRow, int toRow) {
    quantize(x, into, fromRow, toRow, 0, into.columns());
  }

  /**
   * y[t][r] = Σ_k w[r][k]·x[t][k] for t in [0, rows) and outputs r in [fromOutput, toOutput);
   * fromOutput is a multiple of {@link #ROW_GROUP}. One accumulator per output, from +0, k
   * ascending.
   *
   * <p>Plain weights (F32, F16, BF16, widened exactly): acc = fma(w, x, acc), from x.
   *
   * <p>Quantized weights, from q, per block b of 32, ascending: isum = Σ qw·qa exactly (qw less its
   * zero point); acc = fma((float) isum, dw·da, acc); then, in types with minima, acc = fma(m,
   * da·(float) Σqa, acc). isum fits an int32 whatever the precision: at most 128·32,767·32 < 2²⁷,
   * in Q8_0.
   *
   * <p>Where parts of a file's block have sub-scales, dw = d·s and m = −dmin·s', both exact in
   * float32 (11 bits times 6 or 8). Q6_K has one for each 16 columns: isum and its fma are then per
   * 16. So no sub-scale enters the integers, where a Q6_K's could exceed int32 (128·32·32,767·32 >
   * 2³¹), and one way of joining blocks serves all types.
   *
   * @param x rows of float32, columns() wide
   * @param q the same rows rounded; may be null for plain weights
   * @param yStride floats from one row of y to the next
   */
  void multiply(
      Weights w,
      MemorySegment x,
      @Nullable QuantizedRows q,
      int rows,
      MemorySegment y,
      int yStride,
      int fromOutput,
      int toOutput);

  /**
   * Row {@code row} of w, widened: dw·qw (less its zero point), or fma(dw, qw, m) in types with
   * minima. Token embeddings.
   */
  void lookup(Weights w, int row, MemorySegment to, long toOffsetBytes);

  /**
   * RMSNorm (Zhang and Sennrich 2019) of rows [fromRow, toRow): s = Σ x², as 16 strided partial
   * sums (p[j] = fma(x, x, p[j]) over columns ≡ j mod 16, ascending) joined p[j] += p[j+8], +=
   * p[j+4], += p[j+2], += p[j+1]; scale = 1/sqrt(s/columns + epsilon) (each step rounded); y =
   * (x·scale)·weight.
   */
  void rmsNorm(
      MemorySegment x,
      MemorySegment weight,
      float epsilon,
      MemorySegment y,
      int columns,
      int fromRow,
      int toRow);

  /**
   * Rotates heads of rows [fromRow, toRow) in place, pairs interleaved (as in llama-architecture
   * GGUFs): (a, b) → (a·cos − b·sin, a·sin + b·cos), computed as fma(a, cos, −(b·sin)) and fma(a,
   * sin, b·cos).
   *
   * @param x [rows][heads][headDim] with xStride floats per row
   * @param cosSin [position][headDim/2][2]: cos then sin
   * @param positions of each row
   */
  void rope(
      MemorySegment x,
      int xStride,
      int heads,
      int headDim,
      MemorySegment cosSin,
      int[] positions,
      int fromRow,
      int toRow);

  /**
   * out[i] = silu(gate[i])·up[i], silu(g) = g / (1 + exp(−g)), for i in [from, to). out may be
   * gate.
   */
  void swiglu(MemorySegment gate, MemorySegment up, MemorySegment out, long from, long to);

  /** x[i] += y[i] for i in [from, to). */
  void add(MemorySegment x, MemorySegment y, long from, long to);

  /**
   * Stores one row's keys and values, rounded to the pool's type (to nearest, ties to even), at
   * {@code slot} of {@code block}.
   *
   * @param k [kvHeads][headDim] at kOffsetBytes; v alike
   */
  void storeKv(
      KvLayer layer,
      int block,
      int slot,
      MemorySegment k,
      long kOffsetBytes,
      MemorySegment v,
      long vOffsetBytes);

  /**
   * Floats of one query head's partial attention state: headDim outputs, then m, then l, padded to
   * 16.
   */
  static int attentionStateFloats(int headDim) {
    return (headDim + 2 + 15) & ~15;
  }

  /**
   * One segment of attention for consecutive rows of one sequence and the query heads that share
   * {@code kvHead}. Row r sees length + r positions, of which this call covers [segment·512,
   * segment·512 + 512): at least one, for every row. For each row and query head, per tile of 32
   * positions, ascending, from m = −∞, l = 0, o = 0:
   *
   * <pre>
   *   s[i] = (Σ_d fma(q[d], k[i][d], ·), d ascending from +0) · scale      for positions i in the tile
   *   M = max(m, s[0], s[1], ...);  c = m == −∞ ? 0 : exp(m − M);  p[i] = exp(s[i] − M)
   *   l = fma(l, c, Σp): 16 strided partial sums of the tile (p[j] + p[j+16]) joined as in rmsNorm
   *   o[d] = o[d]·c, then o[d] = fma(p[i], v[i][d], o[d]), i ascending;  m = M
   * </pre>
   *
   * Positions past a row's end enter no arithmetic of it; k and v of the pool's type are widened
   * exactly. A NaN score makes l and all of o NaN (what m is then isn't said, nor the sign of a
   * zero m: neither shows in what {@link #mergeSegments} makes of them). The state (o, m, l) is
   * written for each row and query head; heads are {@link #attentionStateFloats} apart. Many rows
   * in one call share what is read of the cache.
   *
   * @param q the rows' queries [heads][headDim], the first row's at qOffsetBytes
   * @param blocks the sequence's block table; block i holds positions [i·blockSize,
   *     (i+1)·blockSize)
   * @param length positions that the first row sees: its own position + 1
   * @param state of the first row's first query head that shares kvHead, at stateOffsetBytes
   */
  void attend(
      MemorySegment q,
      long qOffsetBytes,
      long qRowBytes,
      int rows,
      int heads,
      float scale,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int length,
      int segment,
      MemorySegment state,
      long stateOffsetBytes,
      long stateRowBytes);

  /**
   * Merges one row's states of consecutive segments, ascending, and divides, for each query head.
   * With (o, m, l) so far and the next (o', m', l'): M = max(m, m'); a = exp(m − M), b = exp(m' −
   * M); l = fma(l, a, l'·b); o[d] = fma(o[d], a, o'[d]·b). At last out[d] = o[d]/l.
   *
   * @param state of the first segment, heads {@link #attentionStateFloats} apart
   * @param stateStrideBytes from one segment's state of a head to the next segment's
   * @param out [heads][headDim]
   */
  void mergeSegments(
      MemorySegment state,
      long stateOffsetBytes,
      long stateStrideBytes,
      int segments,
      int heads,
      int headDim,
      MemorySegment out,
      long outOffsetBytes);

  /**
   * Index of the largest of n values; ties go to the lowest index. −1 if any value isn't finite.
   */
  int argmax(MemorySegment x, long offsetBytes, int n);

  /**
   * weights[i] = exp((x[i] − max)·invTemperature) for i in [0, n), and their sum. Difference and
   * product round separately. The sum goes per segment of 4,096, 16 strided partial sums joined as
   * in rmsNorm; segments are joined ascending from +0.
   */
  float exp(
      MemorySegment x,
      long offsetBytes,
      int n,
      float max,
      float invTemperature,
      MemorySegment weights,
      long weightsOffsetBytes);

  /** Thresholds that {@link #sumsFrom} compares with. */
  int THRESHOLDS = 4;

  /**
   * sums[j] = Σ weights[i] over those i in [0, n) with x[i] ≥ thresholds[j]: 16 strided partial
   * sums from +0, to which other i add nothing, joined as in rmsNorm.
   *
   * @param n at most {@link #VOCABULARY_SEGMENT}
   * @param thresholds {@link #THRESHOLDS}, and as many sums
   */
  void sumsFrom(
      MemorySegment x,
      long offsetBytes,
      MemorySegment weights,
      long weightsOffsetBytes,
      int n,
      float[] thresholds,
      float[] sums);

  /**
   * Writes the indices i in [0, n) with from ≤ x[i] < below, ascending.
   *
   * @param into has room for all of them
   * @return how many there are
   */
  int select(MemorySegment x, long offsetBytes, int n, float from, float below, int[] into);

  /**
   * out[i] = x[i] where bit i % 64 of chosen[i / 64] is set, else {@code otherwise}, for i in [0,
   * n). {@code out} may be x itself.
   *
   * @param chosen at least n bits
   */
  void choose(
      MemorySegment x,
      long offsetBytes,
      int n,
      long[] chosen,
      float otherwise,
      MemorySegment out,
      long outOffsetBytes);
}
