package dev.millrace.grammar.machine;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What may come behind a text: all ways of reading it. Immutable but for what is worked out once
 * and kept; any thread may read it.
 */
final class State {
  /** Nothing may come, and the text isn't complete. */
  static final State DEAD = new State(Set.of(), false);

  final List<Head> heads;

  /** Whether the text may end here. */
  final boolean complete;

  private volatile State @Nullable [] next; // by byte; null where it isn't worked out yet
  private volatile long @Nullable [] mask;

  State(Set<Head> heads, boolean complete) {
    this.heads = List.copyOf(heads);
    this.complete = complete;
  }

  /** What comes behind a byte, if that has been worked out. */
  @Nullable State next(int read) {
    State[] known = next;
    return known == null ? null : known[read];
  }

  /** By one thread at a time. */
  void keep(int read, State state) {
    State[] known = next;
    if (known == null) {
      known = new State[256];
    }
    known[read] = state;
    next = known; // written again, so that whoever reads it sees the state's fields
  }

  long @Nullable [] mask() {
    return mask;
  }

  void keep(long[] tokens) {
    mask = tokens;
  }
}
