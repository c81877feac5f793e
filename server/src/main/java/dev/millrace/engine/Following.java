package dev.millrace.engine;

import java.util.Collection;
import org.jspecify.annotations.Nullable;

/**
 * Requests with the same beginning compute it once: while one of them, the leader, computes it, the
 * others wait for its blocks. They stop waiting when the leader ends, gives up its blocks, or
 * hasn't got any further for a while.
 */
final class Following {
  /** A leader that computes nothing for so long, in nanoseconds, isn't waited for. */
  static final long PATIENCE = 1_000_000_000;

  /**
   * A follower's choice.
   *
   * @param until positions of the leader that must be computed
   * @param gaveUp whether the follower doesn't wait for this leader any more
   */
  record Bond(Sequence leader, int until, boolean gaveUp) {}

  private final int blockSize;

  Following(int blockSize) {
    this.blockSize = blockSize;
  }

  /** Whom a sequence that could start should wait for, or null. */
  @Nullable Sequence leaderOf(Sequence sequence, Collection<Sequence> running, long now) {
    Bond bond = sequence.bond();
    if (bond != null && !bond.gaveUp() && isComputing(bond.leader(), bond.until())) {
      if (now - bond.leader().advancedAt() <= PATIENCE) {
        return bond.leader();
      }
      sequence.bond(new Bond(bond.leader(), bond.until(), true));
    }
    Bond next = choose(sequence, running);
    if (next != null) {
      sequence.bond(next);
      return next.leader();
    }
    return null;
  }

  private static boolean isComputing(Sequence leader, int until) {
    return leader.phase() == Sequence.Phase.RUNNING
        && leader.isPrefilling()
        && !leader.isStalled()
        && leader.computed() < until;
  }

  /** The sequence that is computing most of what this one will need. */
  private @Nullable Bond choose(Sequence sequence, Collection<Sequence> running) {
    Bond best = null;
    for (Sequence other : running) {
      int until = other.isPrefilling() ? commonWith(sequence, other) : 0;
      boolean gaveUp =
          sequence.bond() != null && sequence.bond().gaveUp() && sequence.bond().leader() == other;
      if (!gaveUp && isComputing(other, until) && (best == null || until > best.until())) {
        best = new Bond(other, until, false);
      }
    }
    return best;
  }

  /** Positions of another sequence's prefill that this one can use. */
  private int commonWith(Sequence sequence, Sequence other) {
    if (!sequence.salt().equals(other.salt())) {
      return 0;
    }
    int common = Math.min(sequence.commonPrefix(other), sequence.length() - 1);
    return common < blockSize ? 0 : common; // else waiting would cost more than it saves
  }
}
