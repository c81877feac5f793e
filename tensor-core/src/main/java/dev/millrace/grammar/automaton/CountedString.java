package dev.millrace.grammar.automaton;

/**
 * JSON strings of so many characters, any of them. As many states as characters would be too many
 * for a table: a state is one of the free string's and a count.
 */
public final class CountedString implements ByteAutomaton {
  /** More than any output has; also keeps states within an int. */
  public static final int MAX_LENGTH = 10_000_000;

  private static final Automaton CONTENTS = Automaton.of(Pattern.anything(), new Budget());
  private static final TableAutomaton FREE = TableAutomaton.ofJsonString(CONTENTS, new Budget());

  private final int least;
  private final int most;

  /**
   * @param least at most {@link #MAX_LENGTH}
   * @param most at least {@code least}; from {@link #MAX_LENGTH} on it is no limit
   */
  public CountedString(int least, int most) {
    this.least = least;
    this.most = most;
  }

  /** JSON strings of any length. One object: what is found out about it serves all formats. */
  public static ByteAutomaton free() {
    return FREE;
  }

  @Override
  public int start() {
    return FREE.start();
  }

  @Override
  public int next(int state, int next) {
    int at = state % FREE.size();
    int count = state / FREE.size();
    int to = FREE.next(at, next);
    if (to == NONE) {
      return NONE;
    }
    boolean between = isBetween(at);
    if (FREE.label(to) != NONE) {
      return count >= least ? to : NONE;
    }
    if (between && count >= most && most < MAX_LENGTH) {
      return NONE;
    }
    return to + FREE.size() * (isBetween(to) && at != FREE.start() ? counted(count + 1) : count);
  }

  private int counted(int count) {
    return most < MAX_LENGTH ? count : Math.min(count, least);
  }

  private static boolean isBetween(int state) {
    return TableAutomaton.isBetweenCharacters(CONTENTS, state);
  }

  @Override
  public int label(int state) {
    return FREE.label(state % FREE.size());
  }

  @Override
  public boolean goesOn(int state) {
    return FREE.goesOn(state % FREE.size());
  }

  @Override
  public int plainRun(int state) {
    int count = state / FREE.size();
    int at = state % FREE.size();
    if (at == FREE.start() || !isBetween(at)) {
      return 0;
    }
    return most < MAX_LENGTH ? most - count : UNBOUNDED_RUN;
  }

  @Override
  public int alike(int state, int bytes) {
    int count = state / FREE.size();
    boolean noLowerLimit = count >= least;
    boolean noUpperLimit = most >= MAX_LENGTH || most - count > bytes;
    if (noUpperLimit && (noLowerLimit || least - count > bytes)) {
      return state % FREE.size() + FREE.size() * (noLowerLimit ? least : 0);
    }
    return state;
  }
}
