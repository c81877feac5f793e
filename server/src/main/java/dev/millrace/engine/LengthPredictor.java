package dev.millrace.engine;

import dev.millrace.request.GenerationRequest.StopSettings;

/**
 * How long a sequence will probably become, learned from those that ended. Requests mostly end well
 * before their max_tokens; admission that waited for room for all of them would leave most of the
 * pool idle.
 */
final class LengthPredictor {
  /** A mean over about the last 16 sequences. */
  private static final double WEIGHT = 1.0 / 16;

  private double meanTokens = 128; // of output; where nothing is known yet

  void ended(int outputTokens) {
    meanTokens += WEIGHT * (outputTokens - meanTokens);
  }

  /** Tokens, prompt and output together. */
  int expectedLength(Sequence sequence) {
    StopSettings stop = sequence.request().stop();
    boolean onlyLengthEndsIt =
        stop.ignoreEos() && stop.texts().isEmpty() && stop.tokenIds().length == 0;
    if (onlyLengthEndsIt) {
      return sequence.worstCaseLength();
    }
    // What has outlived the mean will probably go on for as long as it has gone on already.
    double output = Math.max(meanTokens, 2.0 * sequence.completion().count());
    long length = sequence.request().prompt().length + (long) output;
    return (int) Math.max(sequence.length(), Math.min(length, sequence.worstCaseLength()));
  }
}
