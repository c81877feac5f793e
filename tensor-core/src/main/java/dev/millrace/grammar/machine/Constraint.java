package dev.millrace.grammar.machine;

/**
 * What one sequence may still say. Not shared between threads, but handed from one to the next;
 * {@link #copy} for a sequence that goes another way from here.
 */
public final class Constraint {
  private final TokenTrie trie;
  private final States states;
  private final int[] endIds;
  private State state;
  private boolean ended;

  Constraint(TokenTrie trie, States states, State start, int[] endIds) {
    this.trie = trie;
    this.states = states;
    this.state = start;
    this.endIds = endIds;
  }

  private Constraint(Constraint from) {
    this(from.trie, from.states, from.state, from.endIds);
    this.ended = from.ended;
  }

  public Constraint copy() {
    return new Constraint(this);
  }

  /**
   * The tokens that may come next, bit i % 64 of word i / 64: those behind which the output can
   * still become complete, and the ones that end it where it is. Not to be changed.
   */
  public long[] allowed() {
    if (ended) {
      return new long[trie.words()];
    }
    long[] texts = states.mask(state);
    if (!state.complete || endIds.length == 0) {
      return texts;
    }
    long[] withEnds = texts.clone();
    for (int id : endIds) {
      withEnds[id >> 6] |= 1L << id;
    }
    return withEnds;
  }

  /** Whether a token may come next. */
  public boolean allows(int token) {
    if (ended) {
      return false;
    }
    return state.complete && isEnd(token) || !behind(token).isDead();
  }

  /**
   * Takes the next token.
   *
   * @throws IllegalArgumentException if it isn't allowed
   */
  public void accept(int token) {
    if (ended || !state.complete || !isEnd(token)) {
      State next = ended ? State.DEAD : behind(token);
      if (next.isDead()) {
        throw new IllegalArgumentException("the format doesn't allow token " + token + " here");
      }
      state = next;
    } else {
      ended = true;
    }
  }

  private boolean isEnd(int token) {
    for (int id : endIds) {
      if (id == token) {
        return true;
      }
    }
    return false;
  }

  private State behind(int token) {
    byte[] piece = trie.piece(token);
    return piece.length == 0 ? State.DEAD : states.behind(state, piece);
  }

  /** Whether the text obeys the format as it is. */
  public boolean isValid() {
    return state.complete;
  }

  /** Whether nothing more may come: the text obeys the format, and no longer one would. */
  public boolean isComplete() {
    return ended || state.complete && state.heads.isEmpty();
  }
}
