package dev.millrace.engine;

import dev.millrace.request.GenerationRequest.Priority;
import java.time.Duration;
import java.util.Comparator;

/**
 * Who goes first. A request's level is its priority, raised by one for each ageing interval since
 * it came, up to the highest: so even under endless load of a higher priority, each gets there in
 * bounded time. Within a level, who came first; between candidates of one request, who has least.
 */
final class Priorities {
  private static final int HIGHEST = Priority.INTERACTIVE.ordinal();

  /**
   * A sequence's place in one plan.
   *
   * @param level 0 is the lowest
   * @param tokens that it has generated
   */
  record Rank(int level, long id, int tokens, int candidate) {
    static final Rank UNRANKED = new Rank(0, Long.MAX_VALUE, 0, 0);

    private static final Comparator<Rank> FIRST_TO_LAST =
        Comparator.comparingInt(Rank::level)
            .reversed()
            .thenComparingLong(Rank::id)
            .thenComparingInt(Rank::tokens)
            .thenComparingInt(Rank::candidate);

    boolean isBefore(Rank other) {
      return FIRST_TO_LAST.compare(this, other) < 0;
    }
  }

  /** Best first. */
  static final Comparator<Sequence> BY_RANK =
      Comparator.comparing(Sequence::rank, Rank.FIRST_TO_LAST);

  private final long ageing;

  Priorities(Duration ageing) {
    this.ageing = ageing.toNanos();
  }

  void rank(Sequence sequence, long now) {
    int level = level(sequence.generation(), now);
    int tokens = sequence.completion().count();
    sequence.rank(new Rank(level, sequence.id(), tokens, sequence.candidate()));
  }

  int level(Generation generation, long now) {
    long raised = generation.lifetime().age(now) / ageing;
    int own = generation.priority().ordinal();
    return (int) Math.min(HIGHEST, own + raised);
  }

  /** A sequence that others wait for goes as they would. */
  static void lend(Sequence to, int level) {
    Rank own = to.rank();
    if (level > own.level()) {
      to.rank(new Rank(level, own.id(), own.tokens(), own.candidate()));
    }
  }
}
