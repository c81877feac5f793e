package dev.millrace.grammar.machine;

import dev.millrace.grammar.automaton.FormatException;

/**
 * A format that has been compiled for a vocabulary. Shared by all sequences that obey it, on any
 * thread; what they find out about it is kept for the next ones, within a limit.
 */
public final class CompiledFormat {
  private final TokenTrie trie;
  private final States states;
  private final boolean isEmpty;

  /**
   * @param root all of whose rules are defined
   * @throws FormatException if there are more ways to begin than are followed
   */
  public CompiledFormat(Node root, TokenTrie trie) {
    Productivity.mark(root);
    this.trie = trie;
    this.states = new States(root, trie);
    State start = states.start();
    if (start == State.TOO_MANY) {
      throw new FormatException(
          "", "begins in more than the " + States.MAX_HEADS + " ways that are followed");
    }
    this.isEmpty = start.isDead();
  }

  /** Works out ahead much of what masks take; some milliseconds, to be spent off the engine. */
  public void prepare() {
    states.prepare();
  }

  /** Whether no text at all obeys the format: then there can be no constraint by it. */
  public boolean isEmpty() {
    return isEmpty;
  }

  /**
   * A sequence's constraint, before its first token.
   *
   * @param endIds tokens that may end the output where it is complete; not those of texts
   */
  public Constraint begin(int[] endIds) {
    return new Constraint(trie, states, states.start(), endIds.clone());
  }
}
