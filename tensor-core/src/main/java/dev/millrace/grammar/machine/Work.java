package dev.millrace.grammar.machine;

import java.util.HashSet;
import java.util.Set;

/**
 * What masks may take, in nodes of the trie that are looked at: some nanoseconds each, and with all
 * else counted in them too. Counted as if nothing were known before, and not timed, so that a state
 * allows the same always.
 */
final class Work {
  /** A state, or a head or a task on the way to it: some hundred nanoseconds, and bytes. */
  static final int NODES_FOR_A_PART = 128;

  private final long most;
  private final Set<Object> counted = new HashSet<>();
  private long spent;

  Work(long most) {
    this.most = most;
  }

  void spend(long nodes) {
    spent += nodes;
  }

  /** Counts only where nothing equal has been counted. */
  void spendOnce(Object what, long nodes) {
    if (counted.add(what)) {
      spend(nodes);
    }
  }

  long spent() {
    return spent;
  }

  boolean isTooMuch() {
    return spent > most;
  }
}
