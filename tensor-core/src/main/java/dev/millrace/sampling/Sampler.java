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
import org.jspecify.annotations.Nullable;

/**
 * Chooses a token by a row of logits. What it chooses depends on the row, the settings, candidate
 * and history alone: not on other rows, threads, or the kernels' vector width.
 *
 * <p>A row goes through up to two forms: raw, as the network gave it, and processed by {@link
 * LogitProcessor}. One caller at a time; logits aren't changed.
 */
public final class Sampler {
  /** Where none could be chosen. */
  public static final SampledToken NONE = new SampledToken(-1, Float.NaN, 0, List.of());

  private final Kernels kernels;
  private final int vocabulary;
  private final LogitProcessor processor;
  private final Ranking ranking;
  private final Distribution distribution;

  /**
   * @param arena holds some rows of scratch
   */
  public Sampler(Kernels kernels, int vocabulary, Arena arena) {
    this.kernels = kernels;
    this.vocabulary = vocabulary;
    this.processor = new LogitProcessor(kernels, vocabulary, arena);
    CutSearch search = new CutSearch(kernels, vocabulary, arena);
    this.ranking = new Ranking(kernels, search, vocabulary);
    this.distribution = new Distribution(kernels, vocabulary, search, ranking, arena);
  }

  /**
   * Greedy (temperature 0) is the largest processed logit, ties to the lowest id. Else the draw
   * from the {@link Distribution} for {@link CounterRandom}'s number.
   *
   * @param candidate which of a request's continuations
   * @param history what stands in front of the token; its length is the token's position
   * @param forbidden ids that can't be chosen
   * @param allowed bit i set: id i may be chosen, in words of 64; null is all
   * @return id −1 if any of the row's logits isn't finite, or no id may be chosen
   */
  public SampledToken sample(
      Matrix<LogitRows, Vocab> logits,
      int row,
      SamplingSettings settings,
      int candidate,
      History history,
      int[] forbidden,
      long @Nullable [] allowed,
      LogprobRequest request) {
    MemorySegment raw = row(logits, row);
    int rawBest = kernels.argmax(raw, 0, vocabulary);
    if (rawBest < 0) {
      return NONE;
    }
    MemorySegment processed = processor.process(raw, settings, history, forbidden, allowed);
    int best = processed.equals(raw) ? rawBest : kernels.argmax(processed, 0, vocabulary);
    if (processed.getAtIndex(JAVA_FLOAT, best) == LogitProcessor.FORBIDDEN) {
      return NONE;
    }
    float max = processed.getAtIndex(JAVA_FLOAT, best);
    int id = best;
    if (settings.temperature() > 0) {
      distribution.of(
          processed,
          max,
          settings.temperature(),
          settings.topK(),
          settings.topP(),
          settings.minP());
      id = distribution.draw(CounterRandom.uniform(settings.seed(), history.length(), candidate));
    }
    if (request.kind() == LogprobRequest.Kind.NONE) {
      return new SampledToken(id, Float.NaN, 0, List.of());
    }
    if (request.kind() == LogprobRequest.Kind.RAW) {
      distribution.of(raw, raw.getAtIndex(JAVA_FLOAT, rawBest), 1);
      MemorySegment shown =
          request.onlyChoosable() ? processor.choosable(raw, forbidden, allowed) : raw;
      return withLogprobs(id, raw, shown, request.topCandidates());
    }
    if (settings.temperature() == 0) {
      distribution.of(processed, max, 1);
    }
    return withLogprobs(id, processed, processed, request.topCandidates());
  }

  /**
   * The probability with which {@link #sample} draws each id: 0 for what is forbidden, not allowed
   * or cut; greedy choice has one id of probability 1. For those who look at distributions.
   *
   * @throws IllegalArgumentException if there is none, where sample's id is −1
   */
  public double[] probabilities(
      Matrix<LogitRows, Vocab> logits,
      int row,
      SamplingSettings settings,
      History history,
      int[] forbidden,
      long @Nullable [] allowed) {
    SampledToken token =
        sample(logits, row, settings, 0, history, forbidden, allowed, LogprobRequest.NONE);
    if (token.id() < 0) {
      throw new IllegalArgumentException("row " + row + " isn't finite, or all ids are forbidden");
    }
    double[] probabilities = new double[vocabulary];
    if (settings.temperature() > 0) {
      distribution.writeTo(probabilities);
    } else {
      probabilities[token.id()] = 1;
    }
    return probabilities;
  }

  /**
   * How likely the model itself holds a token that stands there already.
   *
   * @param topCandidates how many of the likeliest tokens to tell
   * @return id −1 if any of the row's logits isn't finite
   */
  public SampledToken score(Matrix<LogitRows, Vocab> logits, int row, int id, int topCandidates) {
    MemorySegment raw = row(logits, row);
    int best = kernels.argmax(raw, 0, vocabulary);
    if (best < 0) {
      return NONE;
    }
    distribution.of(raw, raw.getAtIndex(JAVA_FLOAT, best), 1);
    return withLogprobs(id, raw, raw, topCandidates);
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

  /**
   * With those of the distribution, which is the row's.
   *
   * @param shown the row, but for what isn't to be among the candidates
   */
  private SampledToken withLogprobs(
      int id, MemorySegment row, MemorySegment shown, int topCandidates) {
    List<Candidate> top =
        Arrays.stream(ranking.top(shown, vocabulary, topCandidates))
            .filter(distribution::keeps)
            .mapToObj(each -> new Candidate(each, logprob(row, each)))
            .toList();
    return new SampledToken(id, logprob(row, id), ranking.rank(row, vocabulary, id), top);
  }

  private float logprob(MemorySegment row, int id) {
    return distribution.logprob(row.getAtIndex(JAVA_FLOAT, id));
  }
}
