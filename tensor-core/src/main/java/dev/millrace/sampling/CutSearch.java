package dev.millrace.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.Functions;
import dev.millrace.kernel.Kernels;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Cuts a row's ranking where the weight of what is kept reaches a target, without sorting the row.
 * One pass sums what lies above each of four thresholds; the two that enclose the target enclose
 * the next four, until so few logits lie between that they can be sorted.
 *
 * <p>Weights are those of {@link Kernels#exp}, or 1 each, which counts. Sums go by segments, as the
 * kernels take them, added ascending in float64; thresholds depend on the row alone; so the cut is
 * the same on every machine.
 */
final class CutSearch {
  /** So few are sorted rather than divided once more. */
  private static final int FEW = 256;

  /** Then there are hundreds of equal logits at the cut, or nearly so. */
  private static final int ROUNDS_BY_VALUE = 8;

  private final Kernels kernels;
  private final MemorySegment ones; // [VOCABULARY_SEGMENT]
  private final int[] selected; // [vocabulary]
  private final float[] thresholds = new float[Kernels.THRESHOLDS]; // ascending
  private final double[] sums = new double[Kernels.THRESHOLDS]; // of what lies from each on
  private final float[] segmentSums = new float[Kernels.THRESHOLDS];

  CutSearch(Kernels kernels, int vocabulary, Arena arena) {
    this.kernels = kernels;
    this.ones = arena.allocate((long) Kernels.VOCABULARY_SEGMENT * Float.BYTES, Matrix.ALIGNMENT);
    for (int i = 0; i < Kernels.VOCABULARY_SEGMENT; i++) {
      ones.setAtIndex(JAVA_FLOAT, i, 1);
    }
    this.selected = new int[vocabulary];
  }

  /** Keeps the {@code most} largest that may be chosen. */
  Cut ofCount(MemorySegment x, int n, float max, int most) {
    return find(x, n, max, null, 0, most, Cut.NONE.least());
  }

  /**
   * Keeps the fewest whose weight is at least {@code target}; all from {@code lowest} on if their
   * weight is at most that.
   *
   * @param weights exp((x − max)·invTemperature), by index
   */
  Cut ofWeight(
      MemorySegment x,
      int n,
      float max,
      MemorySegment weights,
      float invTemperature,
      double target,
      float lowest) {
    return find(x, n, max, weights, invTemperature, target, lowest);
  }

  /** Counts the logits from two values on. */
  void count(MemorySegment x, int n, float lower, float higher, int[] counts) {
    thresholds[0] = lower;
    Arrays.fill(thresholds, 1, Kernels.THRESHOLDS, higher);
    sum(x, n, null);
    counts[0] = (int) sums[0];
    counts[1] = (int) sums[1];
  }

  /** Without weights, each is 1; invTemperature is 0 then, which says so too. */
  private Cut find(
      MemorySegment x,
      int n,
      float max,
      @Nullable MemorySegment weights,
      float invTemperature,
      double target,
      float lowest) {
    // The cut lies in [low, high): what lies from low on reaches the target, from high on it
    // doesn't.
    float low = lowest;
    float high = Math.nextUp(max);
    double fromLow = Double.POSITIVE_INFINITY;
    double fromHigh = 0;
    float unit = invTemperature == 0 ? 1 : 1 / invTemperature;
    for (int j = 0; j < Kernels.THRESHOLDS; j++) {
      // Where distributions of language models are cut, most often: max − 16, − 4, − 1 units.
      int back = 1 << 2 * (Kernels.THRESHOLDS - 1 - j);
      thresholds[j] = j == 0 ? lowest : Math.max(lowest, max - unit * back);
    }
    for (int round = 1; ; round++) {
      sum(x, n, weights);
      if (low == lowest && thresholds[0] == lowest && sums[0] <= target) {
        return Cut.from(lowest);
      }
      for (int j = 0; j < Kernels.THRESHOLDS; j++) {
        if (sums[j] >= target) {
          low = thresholds[j];
          fromLow = sums[j];
        } else if (thresholds[j] < high) {
          high = thresholds[j];
          fromHigh = sums[j];
        }
      }
      float leastWeight = Functions.exp((low - max) * invTemperature);
      boolean few = fromLow - fromHigh <= FEW * (double) leastWeight;
      if (few || Math.nextUp(low) >= high) {
        return within(x, n, weights, low, high, target - fromHigh);
      }
      if (round < ROUNDS_BY_VALUE) {
        divideByValue(max, low, high);
      } else {
        divideByOrder(low, high);
      }
    }
  }

  private void sum(MemorySegment x, int n, @Nullable MemorySegment weights) {
    Arrays.fill(sums, 0);
    for (int from = 0; from < n; from += Kernels.VOCABULARY_SEGMENT) {
      int count = Math.min(Kernels.VOCABULARY_SEGMENT, n - from);
      long offset = (long) from * Float.BYTES;
      if (weights == null) {
        kernels.sumsFrom(x, offset, ones, 0, count, thresholds, segmentSums);
      } else {
        kernels.sumsFrom(x, offset, weights, offset, count, thresholds, segmentSums);
      }
      for (int j = 0; j < Kernels.THRESHOLDS; j++) {
        sums[j] += segmentSums[j];
      }
    }
  }

  /**
   * Four thresholds between low and high: evenly, or where low is much further from the maximum, by
   * equal factors of the distance from it.
   */
  private void divideByValue(float max, float low, float high) {
    double near = Math.max(0, (double) max - high);
    double far = (double) max - low;
    for (int j = 0; j < Kernels.THRESHOLDS; j++) {
      double part = (double) (j + 1) / (Kernels.THRESHOLDS + 1); // of the way from low to high
      double threshold =
          near > 0 && far > 4 * near
              ? max - far * StrictMath.pow(near / far, part)
              : low + ((double) high - low) * part;
      thresholds[j] = Math.clamp((float) threshold, low, high);
    }
  }

  /** Four that leave as many floats between each other: some 2³² are divided up in 14 rounds. */
  private void divideByOrder(float low, float high) {
    long from = Ranking.order(low);
    long floats = Ranking.order(high) - from;
    for (int j = 0; j < Kernels.THRESHOLDS; j++) {
      long between = Math.ceilDiv(floats * (j + 1), Kernels.THRESHOLDS + 1);
      thresholds[j] = Ranking.inOrder((int) (from + between));
    }
  }

  /** The cut among the few in [low, high), which have to add {@code missing} to what lies above. */
  private Cut within(
      MemorySegment x,
      int n,
      @Nullable MemorySegment weights,
      float low,
      float high,
      double missing) {
    int count = kernels.select(x, 0, n, low, high, selected);
    long[] ranked = new long[count];
    for (int i = 0; i < count; i++) {
      ranked[i] = Ranking.key(x.getAtIndex(JAVA_FLOAT, selected[i]), selected[i]);
    }
    Arrays.sort(ranked);
    int kept = 0;
    double sum = 0;
    while (kept < count && sum < missing) {
      int id = (int) ranked[kept++];
      sum += weights == null ? 1 : weights.getAtIndex(JAVA_FLOAT, id);
    }
    int last = (int) ranked[kept - 1];
    float least = x.getAtIndex(JAVA_FLOAT, last);
    boolean equalOneFollows = false;
    if (kept < count) {
      int next = (int) ranked[kept];
      equalOneFollows = x.getAtIndex(JAVA_FLOAT, next) == least;
    }
    return equalOneFollows ? new Cut(least, last) : Cut.from(least);
  }
}
