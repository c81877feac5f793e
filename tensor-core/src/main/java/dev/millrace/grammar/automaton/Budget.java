package dev.millrace.grammar.automaton;

/**
 * What one format may cost to compile, in steps that each take a bounded time and a few words of
 * memory. Counted, not timed, so that a format is accepted everywhere or nowhere.
 */
public final class Budget {
  /** About a second on one core, and at most some hundred megabytes for a moment. */
  public static final long MAX_WORK = 20_000_000;

  /**
   * Of all automata of a format together; one takes a kilobyte while compiling, then some 100
   * bytes.
   */
  public static final int MAX_STATES = 50_000;

  private long work;
  private int states;

  /** Before taking steps. */
  public void spend(long steps) {
    work += steps;
    if (work > MAX_WORK || work < 0) {
      throw new FormatException(
          "", "takes more than the " + MAX_WORK + " steps that compiling a format may take");
    }
  }

  /** Before making a state that stays. */
  public void state() {
    spend(1);
    if (++states > MAX_STATES) {
      throw new FormatException(
          "", "needs more than the " + MAX_STATES + " states that a format may have");
    }
  }
}
