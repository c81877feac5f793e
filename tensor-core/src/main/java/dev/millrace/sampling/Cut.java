package dev.millrace.sampling;

/**
 * Where a ranking of logits (larger first, equal ones by lowest id) is cut off: kept are those
 * above {@code least}, and of those equal to it the ids up to {@code lastOfEqual}.
 */
record Cut(float least, int lastOfEqual) {
  /** Keeps all that may be chosen. */
  static final Cut NONE = from(Math.nextUp(LogitProcessor.FORBIDDEN));

  /** Keeps all from a logit on. */
  static Cut from(float least) {
    return new Cut(least, Integer.MAX_VALUE);
  }

  boolean keeps(float logit, int id) {
    return logit > least || logit == least && id <= lastOfEqual;
  }

  /** Whether some of equal logits are kept and others not. */
  boolean splitsEqualOnes() {
    return lastOfEqual < Integer.MAX_VALUE;
  }
}
