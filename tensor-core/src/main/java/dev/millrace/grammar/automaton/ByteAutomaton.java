package dev.millrace.grammar.automaton;

/**
 * A deterministic automaton over bytes. States are numbers from 0; what it accepts has a label.
 * Each state leads to one that accepts. Immutable.
 */
public interface ByteAutomaton {
  /** No label: not accepted. No state: nothing accepted comes behind. */
  int NONE = Automaton.NONE;

  /**
   * @param next 0 to 255
   * @return NONE if nothing that is accepted goes on so
   */
  int next(int state, int next);

  /** Of the bytes that lead to a state, or NONE. */
  int label(int state);

  /** Whether any byte can come next. */
  boolean goesOn(int state);

  int start();

  /** A state behind which the same comes, as far as so many bytes can tell. */
  default int alike(int state, int bytes) {
    return state;
  }
}
