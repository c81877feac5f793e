package dev.millrace.grammar.automaton;

/** A format that can't be followed: not well-formed, not supported, or beyond a limit. */
public final class FormatException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final String where;

  /**
   * @param where a JSON pointer into a schema, a position in other texts; empty for the whole
   * @param message what is wrong there, and what is allowed
   */
  public FormatException(String where, String message) {
    super(message);
    this.where = where;
  }

  public String where() {
    return where;
  }
}
