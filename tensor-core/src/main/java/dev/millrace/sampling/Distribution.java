package dev.millrace.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.Kernels;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * What tokens are drawn from: softmax(logits/temperature) of one row, cut to what top-k, then
 * top-p, then min-p keep, each of what the one before has left, as transformers does it:
 *
 * <ol>
 *   <li>top-k (Fan et al., "Hierarchical neural story generation", 2018): the k likeliest;
 *   <li>top-p (Holtzman et al., "The curious case of neural text degeneration", 2019): of those,
 *       the fewest likeliest whose probabilities sum to at least p;
 *   <li>min-p (Nguyen et al., "Turning up the heat", 2024): of those, whose probability is at least
 *       p times the likeliest one's.
 * </ol>
 *
 * <p>Likeliest means larger logit, then lower id, so exactly k are kept among equal ones, and the
 * likeliest always is. Sums of weights go by segments of {@link Kernels#VOCABULARY_SEGMENT}, each
 * the kernels', added ascending in float64. Reused from row to row.
 */
final class Distribution {
  private final Kernels kernels;
  private final int vocabulary;
  private final CutSearch search;
  private final Ranking ranking;
  private final MemorySegment weights; // [vocabulary], exp((x − max)/T)
  private final MemorySegment gathered; // [vocabulary], logits that top-k keeps
  private final int[] gatheredIds; // [vocabulary]
  private final int[] equalOnes; // [vocabulary], where the cut goes through
  private final float[] segmentSums;
  private final float[] thresholds = new float[Kernels.THRESHOLDS];
  private final float[] thresholdSums = new float[Kernels.THRESHOLDS];

  private MemorySegment x = MemorySegment.NULL; // the row, or what top-k keeps of it
  private int n; // of x
  private boolean isGathered;
  private Cut cut = Cut.NONE; // of x, by its own indices
  private float max;
  private float invTemperature;
  private double total; // weight that the cut keeps

  Distribution(Kernels kernels, int vocabulary, CutSearch search, Ranking ranking, Arena arena) {
    this.kernels = kernels;
    this.vocabulary = vocabulary;
    this.search = search;
    this.ranking = ranking;
    long bytes = (long) vocabulary * Float.BYTES;
    this.weights = arena.allocate(bytes, Matrix.ALIGNMENT);
    this.gathered = arena.allocate(bytes, Matrix.ALIGNMENT);
    this.gatheredIds = new int[vocabulary];
    this.equalOnes = new int[vocabulary];
    this.segmentSums = new float[Math.ceilDiv(vocabulary, Kernels.VOCABULARY_SEGMENT)];
  }

  /** Makes this the whole distribution of a row whose largest logit is {@code max}. */
  void of(MemorySegment row, float max, float temperature) {
    of(row, max, temperature, 0, 1, 0);
  }

  /**
   * Makes this the distribution that is drawn from.
   *
   * @param temperature above 0
   */
  void of(MemorySegment row, float max, float temperature, int topK, float topP, float minP) {
    this.max = max;
    invTemperature = Math.min(1 / temperature, Float.MAX_VALUE);
    isGathered = topK > 0 && topK < vocabulary;
    if (isGathered) {
      gather(row, topK);
    } else {
      x = row;
      n = vocabulary;
    }
    cut = Cut.NONE;
    sumWeights();
    if (minP > 0) {
      cut = Cut.from((float) Math.max(cut.least(), max + StrictMath.log(minP) / invTemperature));
    }
    if (topP < 1) {
      cut = search.ofWeight(x, n, max, weights, invTemperature, topP * total, cut.least());
    }
    if (minP > 0 || topP < 1) {
      sumKeptWeights();
    }
  }

  private void gather(MemorySegment row, int topK) {
    Cut kept = search.ofCount(row, vocabulary, max, topK);
    n = ranking.kept(row, vocabulary, kept, gatheredIds);
    for (int i = 0; i < n; i++) {
      gathered.setAtIndex(JAVA_FLOAT, i, row.getAtIndex(JAVA_FLOAT, gatheredIds[i]));
    }
    x = gathered;
  }

  private void sumWeights() {
    total = 0;
    for (int i = 0; i < segments(); i++) {
      long offset = offset(i);
      segmentSums[i] =
          kernels.exp(x, offset, segmentLength(i), max, invTemperature, weights, offset);
      total += segmentSums[i];
    }
  }

  private void sumKeptWeights() {
    if (cut.splitsEqualOnes()) {
      int equal = kernels.select(x, 0, n, cut.least(), Math.nextUp(cut.least()), equalOnes);
      for (int i = 0; i < equal; i++) {
        if (equalOnes[i] > cut.lastOfEqual()) {
          weights.setAtIndex(JAVA_FLOAT, equalOnes[i], 0);
        }
      }
    }
    Arrays.fill(thresholds, cut.least());
    total = 0;
    for (int i = 0; i < segments(); i++) {
      long offset = offset(i);
      kernels.sumsFrom(x, offset, weights, offset, segmentLength(i), thresholds, thresholdSums);
      segmentSums[i] = thresholdSums[0];
      total += segmentSums[i];
    }
  }

  /**
   * The first kept id at which the cumulative sum exceeds u·total. Within a segment the sum is
   * taken one by one, so it may end a rounding short of the segment's: then it is the segment's
   * last id that has weight.
   *
   * @param u in [0, 1)
   */
  int draw(double u) {
    double target = u * total;
    double before = 0;
    int chosen = 0;
    double beforeChosen = 0;
    for (int i = 0; i < segments() && before <= target; i++) {
      if (segmentSums[i] > 0) {
        chosen = i;
        beforeChosen = before;
      }
      before += segmentSums[i];
    }
    int from = chosen * Kernels.VOCABULARY_SEGMENT;
    int last = from;
    double sum = beforeChosen;
    for (int i = from; i < from + segmentLength(chosen) && sum <= target; i++) {
      float weight = weights.getAtIndex(JAVA_FLOAT, i);
      if (weight > 0 && x.getAtIndex(JAVA_FLOAT, i) >= cut.least()) {
        sum += weight;
        last = i;
      }
    }
    return isGathered ? gatheredIds[last] : last;
  }

  /** Whether an id can be drawn, were it not for its weight. */
  boolean keeps(int id) {
    int index = isGathered ? Arrays.binarySearch(gatheredIds, 0, n, id) : id;
    return index >= 0 && cut.keeps(x.getAtIndex(JAVA_FLOAT, index), index);
  }

  /** The probabilities of all ids that can be drawn, by id; leaves others as they are. */
  void writeTo(double[] probabilities) {
    for (int i = 0; i < n; i++) {
      if (cut.keeps(x.getAtIndex(JAVA_FLOAT, i), i)) {
        int id = isGathered ? gatheredIds[i] : i;
        probabilities[id] = weights.getAtIndex(JAVA_FLOAT, i) / total;
      }
    }
  }

  /** Natural logarithm of the probability of an id that is kept and has this logit. */
  float logprob(float logit) {
    return (float) (((double) logit - max) * invTemperature - StrictMath.log(total));
  }

  private int segments() {
    return Math.ceilDiv(n, Kernels.VOCABULARY_SEGMENT);
  }

  private int segmentLength(int segment) {
    return Math.min(Kernels.VOCABULARY_SEGMENT, n - segment * Kernels.VOCABULARY_SEGMENT);
  }

  private static long offset(int segment) {
    return (long) segment * Kernels.VOCABULARY_SEGMENT * Float.BYTES;
  }
}
