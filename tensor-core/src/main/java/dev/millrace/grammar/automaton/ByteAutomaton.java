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

  /**
   * Bytes that stand for themselves in JSON strings and most texts: printable ASCII without quote
   * and backslash.
   */
  static boolean isPlain(int read) {
    return read >= ' ' && read < 0x7F && read != '"' && read != '\\';
  }

  /** Of plain bytes that may come: as many as one likes. */
  int UNBOUNDED_RUN = Integer.MAX_VALUE - 1;

  /**
   * How many plain bytes may come in a row, whichever, none of which is accepted or leads to where
   * anything else goes on; 0 where that isn't known.
   */
  default int plainRun(int state) {
    return 0;
  }

  /** A state behind which the same comes, as far as so many bytes can tell. */
  default int alike(int state, int bytes) {
    return state;
  }
}
