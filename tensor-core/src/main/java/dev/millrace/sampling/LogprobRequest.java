package dev.millrace.sampling;

/**
 * Which log-probabilities go with a sampled token.
 *
 * @param topCandidates how many of the likeliest tokens to tell, 0 with {@link Kind#NONE}
 * @param onlyChoosable of those only that may be chosen; with {@link Kind#PROCESSED} it is so
 *     anyway
 */
public record LogprobRequest(Kind kind, int topCandidates, boolean onlyChoosable) {
  public static final int MAX_TOP_CANDIDATES = 20;

  public static final LogprobRequest NONE = new LogprobRequest(Kind.NONE, 0, false);

  /** Whose probabilities. */
  public enum Kind {
    NONE,
    /** Of the model's own distribution. */
    RAW,
    /**
     * Of the distribution that was drawn from. Greedy choice draws from none: there it is the one
     * before temperature.
     */
    PROCESSED
  }

  public LogprobRequest(Kind kind, int topCandidates) {
    this(kind, topCandidates, false);
  }

  public LogprobRequest {
    int most = kind == Kind.NONE ? 0 : MAX_TOP_CANDIDATES;
    if (topCandidates < 0 || topCandidates > most) {
      throw new IllegalArgumentException(
          topCandidates + " top candidates; 0 to " + most + " are allowed with " + kind);
    }
  }
}
