package dev.millrace.sampling;

import java.util.List;

/**
 * A chosen token and, where asked for, how likely it was.
 *
 * @param logprob natural logarithm; NaN when not asked for
 * @param rank 1 is the most likely; 0 when not asked for
 * @param top the likeliest tokens, best first; ties by lowest id
 */
public record SampledToken(int id, float logprob, int rank, List<Candidate> top) {

  public record Candidate(int id, float logprob) {}
}
