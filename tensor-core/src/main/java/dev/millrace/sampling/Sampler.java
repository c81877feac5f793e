package dev.millrace.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.Kernels;
import dev.millrace.sampling.SampledToken.Candidate;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;

/**
 * Chooses a token by a row of logits. What it chooses depends on the row, the settings, candidate
 * and position alone: not on other rows, threads, or the kernels' vector width.
 *
 * <p>A row goes through up to two forms: raw, as the network gave it, and processed, where −∞ is
 * what can't be chosen. One caller at a time; logits aren't changed.
 */
public final class Sampler {
  private static final SampledToken NOT_FINITE = new SampledToken(-1, Float.NaN, 0, List.of());

  private final Kernels kernels;
  private final int vocabulary;
  private final Softmax softmax;
  private final MemorySegment scratch;

  /**
   * @param arena holds one row of scratch
   */
  public Sampler(Kernels kernels, int vocabulary, Arena arena) {
    this.kernels = kernels;
    this.vocabulary = vocabulary;
    this.softmax = new Softmax(kernels, vocabulary);
    this.scratch = arena.allocate((long) vocabulary * Float.BYTES, Matrix.ALIGNMENT);
  }

  /**
   * Greedy (temperature 0) is the largest logit, ties to the lowest id. Else the draw from
   * softmax(logits/temperature) for {@link CounterRandom}'s number.
   *
   * @param candidate which of a request's continuations
   * @param position of the token that is chosen, in its sequence
   * @param forbidden ids that can't be chosen
   * @return id −1 if any of the row's logits isn't finite, or all ids are forbidden
   */
  public SampledToken sample(
      Matrix<LogitRows, Vocab> logits,
      int row,
      SamplingSettings settings,
      int candidate,
      long position,
      int[] forbidden,
      LogprobRequest request) {
    MemorySegment raw = row(logits, row);
    int rawBest = kernels.argmax(raw, 0, vocabulary);
    if (rawBest < 0) {
      return NOT_FINITE;
    }
    MemorySegment processed = process(raw, forbidden);
    int best = largest(processed, rawBest);
    if (best < 0) {
      return NOT_FINITE;
    }
    int id = best;
    if (settings.temperature() > 0 && softmax.of(processed, best, settings.temperature())) {
      id = softmax.draw(CounterRandom.uniform(settings.seed(), position, candidate));
    }
    return switch (request.kind()) {
      case NONE -> new SampledToken(id, Float.NaN, 0, List.of());
      case RAW -> withLogprobs(id, raw, rawBest, 1, request.topCandidates());
      case PROCESSED ->
          withLogprobs(id, processed, best, settings.temperature(), request.topCandidates());
    };
  }

  private MemorySegment row(Matrix<LogitRows, Vocab> logits, int row) {
    if (logits.columns() != vocabulary) {
      throw new IllegalArgumentException(
          "logits over " + logits.columns() + " tokens; this sampler is for " + vocabulary);
    }
    Objects.checkIndex(row, logits.rows());
    long bytes = (long) vocabulary * Float.BYTES;
    return logits.data().asSlice(row * bytes, bytes);
  }

  /** The place for all that changes logits before the draw. The raw row itself if nothing does. */
  private MemorySegment process(MemorySegment raw, int[] forbidden) {
    if (forbidden.length == 0) {
      return raw;
    }
    scratch.copyFrom(raw);
    for (int id : forbidden) {
      scratch.setAtIndex(JAVA_FLOAT, id, Float.NEGATIVE_INFINITY);
    }
    return scratch;
  }

  /** The largest logit's id, −1 if all are −∞; the raw row's unless that became −∞. */
  private int largest(MemorySegment row, int rawBest) {
    if (row.getAtIndex(JAVA_FLOAT, rawBest) > Float.NEGATIVE_INFINITY) {
      return rawBest;
    }
    int[] top = Ranking.top(row, vocabulary, 1);
    return top.length == 0 ? -1 : top[0];
  }

  private SampledToken withLogprobs(
      int id, MemorySegment row, int best, float temperature, int topCandidates) {
    boolean tempered = temperature > 0 && softmax.of(row, best, temperature);
    if (!tempered) {
      softmax.of(row, best, 1);
    }
    List<Candidate> top =
        Arrays.stream(Ranking.top(row, vocabulary, topCandidates))
            .mapToObj(each -> new Candidate(each, softmax.logprob(each)))
            .toList();
    return new SampledToken(id, softmax.logprob(id), Ranking.rank(row, vocabulary, id), top);
  }
}
