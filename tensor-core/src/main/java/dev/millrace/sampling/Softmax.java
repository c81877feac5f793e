package dev.millrace.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.Functions;
import dev.millrace.kernel.Kernels;
import java.lang.foreign.MemorySegment;

/**
 * The distribution exp(x/T)/Σ over one row of logits x, some of which may be −∞. Weights are
 * exp(x·(1/T) − max) by the kernels' own exp; sums go by segments of {@link
 * Kernels#VOCABULARY_SEGMENT}, each the kernels', added ascending in float64. Reused from row to
 * row.
 */
final class Softmax {
  private final Kernels kernels;
  private final int vocabulary;
  private final float[] segmentSums;

  private MemorySegment row = MemorySegment.NULL;
  private float invTemperature;
  private float max;
  private double total;

  Softmax(Kernels kernels, int vocabulary) {
    this.kernels = kernels;
    this.vocabulary = vocabulary;
    this.segmentSums = new float[Math.ceilDiv(vocabulary, Kernels.VOCABULARY_SEGMENT)];
  }

  /**
   * Makes this the distribution of a row.
   *
   * @param best index of its largest logit, which is finite
   * @param temperature above 0
   * @return false if the temperature is so low that logits overflow when divided by it; then all
   *     weight is on the best, and this holds no distribution
   */
  boolean of(MemorySegment row, int best, float temperature) {
    this.row = row;
    invTemperature = 1 / temperature;
    max = logit(best) * invTemperature;
    if (!Float.isFinite(invTemperature) || !Float.isFinite(max)) {
      return false;
    }
    total = 0;
    for (int i = 0; i < segmentSums.length; i++) {
      int from = i * Kernels.VOCABULARY_SEGMENT;
      segmentSums[i] =
          kernels.sumExp(
              row, (long) from * Float.BYTES, segmentEnd(from) - from, invTemperature, max);
      total += segmentSums[i];
    }
    return true;
  }

  /**
   * The first id at which the cumulative sum exceeds u·total. Within a segment the sum is taken one
   * by one, so it may end a rounding short of the segment's: then it is the segment's last id that
   * has weight.
   *
   * @param u in [0, 1)
   */
  int draw(double u) {
    double target = u * total;
    double before = 0;
    int chosen = 0;
    double beforeChosen = 0;
    for (int i = 0; i < segmentSums.length && before <= target; i++) {
      if (segmentSums[i] > 0) {
        chosen = i;
        beforeChosen = before;
      }
      before += segmentSums[i];
    }
    int from = chosen * Kernels.VOCABULARY_SEGMENT;
    int last = from;
    double sum = beforeChosen;
    for (int id = from; id < segmentEnd(from); id++) {
      float weight = Functions.exp(logit(id) * invTemperature - max);
      if (weight > 0) {
        sum += weight;
        last = id;
        if (sum > target) {
          break;
        }
      }
    }
    return last;
  }

  /** Natural logarithm of an id's probability. */
  float logprob(int id) {
    return (float) ((double) (logit(id) * invTemperature) - max - StrictMath.log(total));
  }

  private float logit(int id) {
    return row.getAtIndex(JAVA_FLOAT, id);
  }

  private int segmentEnd(int from) {
    return Math.min(vocabulary, from + Kernels.VOCABULARY_SEGMENT);
  }
}
