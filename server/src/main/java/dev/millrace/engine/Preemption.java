package dev.millrace.engine;

import java.util.Collection;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Who gives blocks up when a sequence needs one and none is available, which means that the cache
 * has given all of its own: first what sessions have left, then sequences whose readers sleep, the
 * longest sleep first, then the last by rank that the step doesn't count on yet. The first by rank
 * is never the last unless it is alone, and alone it fits: so something always gets on.
 *
 * <p>Sleepers give their places up too, to those that wait.
 */
final class Preemption {
  private final EngineState state;

  Preemption(EngineState state) {
    this.state = state;
  }

  /** Makes so many blocks available to a running sequence, if that is right. */
  boolean makeRoom(Sequence sequence, int blocks, Set<Sequence> planned) {
    while (state.blocks().available() < blocks) {
      if (!state.blocks().releaseOldestSession()) {
        Sequence victim = victim(sequence, planned);
        if (victim == null) {
          return false;
        }
        state.preempt(victim);
      }
    }
    return true;
  }

  /** When none of those that could go on finds a block. */
  void giveUpSomething(Collection<Sequence> awake) {
    if (state.blocks().releaseOldestSession()) {
      return;
    }
    Sequence sleeper = longestStalled(state.running());
    Sequence victim = sleeper == null ? last(awake, Set.of()) : sleeper;
    if (victim == null || state.running().size() == 1) {
      throw new IllegalStateException(victim + " is alone and finds no block");
    }
    state.preempt(victim);
  }

  /** Whether a sequence whose reader sleeps has a place. */
  boolean hasSleeper() {
    return longestStalled(state.running()) != null;
  }

  /** The one that has slept longest gives its place and blocks up; returns whether there is one. */
  boolean giveUpSleeper() {
    Sequence sleeper = longestStalled(state.running());
    if (sleeper != null) {
      state.preempt(sleeper);
    }
    return sleeper != null;
  }

  private @Nullable Sequence victim(Sequence sequence, Set<Sequence> planned) {
    Sequence sleeper = longestStalled(state.running());
    if (sleeper != null) {
      return sleeper;
    }
    Sequence last = last(state.running(), planned);
    return last != null && sequence.rank().isBefore(last.rank()) ? last : null;
  }

  private static @Nullable Sequence longestStalled(Collection<Sequence> running) {
    Sequence longest = null;
    for (Sequence sequence : running) {
      if (sequence.isStalled()
          && (longest == null || stalledSince(sequence) < stalledSince(longest))) {
        longest = sequence;
      }
    }
    return longest;
  }

  private static long stalledSince(Sequence sequence) {
    return sequence.generation().lifetime().stalledSince();
  }

  /** The last by rank that isn't planned yet, or null. */
  private static @Nullable Sequence last(Collection<Sequence> running, Set<Sequence> planned) {
    Sequence last = null;
    for (Sequence sequence : running) {
      if (!planned.contains(sequence) && (last == null || last.rank().isBefore(sequence.rank()))) {
        last = sequence;
      }
    }
    return last;
  }
}
