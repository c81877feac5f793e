package dev.millrace.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.Functions;
import dev.millrace.kernel.Kernels;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

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
    return find(x, n, max, ones, 0, most, Cut.NONE.least());
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
    sum(x, n, ones);
    counts[0] = (int) sums[0];
    counts[1] = (int) sums[1];
  }

  /** With ones for weights, invTemperature is 0: the weight is 1 at any distance. */
  private Cut find(
      MemorySegment x,
      int n,
      float max,
      MemorySegment weights,
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
    while (true) {
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
      divide(max, low, high);
    }
  }

  private void sum(MemorySegment x, int n, MemorySegment weights) {
    Arrays.fill(sums, 0);
    for (int from = 0; from < n; from += Kernels.VOCABULARY_SEGMENT) {
      int count = Math.min(Kernels.VOCABULARY_SEGMENT, n - from);
      long offset = (long) from * Float.BYTES;
      kernels.sumsFrom(
          x, offset, weights, weights == ones ? 0 : offset, count, thresholds, segmentSums);
      for (int j = 0; j < Kernels.THRESHOLDS; j++) {
        sums[j] += segmentSums[j];
      }
    }
  }

  /**
   * Four thresholds in (low, high), or on its ends where floats leave no place: evenly, or where
   * low is much further from the maximum, by equal factors of the distance from it.
   */
  private void divide(float max, float low, float high) {
    double near = Math.max(0, (double) max - high);
    double far = (double) max - low;
    for (int j = 0; j < Kernels.THRESHOLDS; j++) {
      double part = (double) (j + 1) / (Kernels.THRESHOLDS + 1); // of the way from low to high
      double distance =
          near > 0 && far > 4 * near
              ? far * StrictMath.pow(near / far, part)
              : far + (near - far) * part;
      thresholds[j] = Math.clamp((float) (max - distance), low, high);
    }
  }

  /** The cut among the few in [low, high), which have to add {@code missing} to what lies above. */
  private Cut within(
      MemorySegment x, int n, MemorySegment weights, float low, float high, double missing) {
    int count = kernels.select(x, 0, n, low, high, selected);
    long[] ranked = new long[count];
    for (int i = 0; i < count; i++) {
      ranked[i] = Ranking.key(x.getAtIndex(JAVA_FLOAT, selected[i]), selected[i]);
    }
    Arrays.sort(ranked);
    int last = 0;
    double sum = 0;
    for (int i = 0; i < count && sum < missing; i++) {
      int id = (int) ranked[i];
      sum += weights == ones ? 1 : weights.getAtIndex(JAVA_FLOAT, id);
      last = i;
    }
    int id = (int) ranked[last];
    float least = x.getAtIndex(JAVA_FLOAT, id);
    boolean more = last + 1 < count && x.getAtIndex(JAVA_FLOAT, (int) ranked[last + 1]) == least;
    return more ? new Cut(least, id) : Cut.from(least);
  }
}
