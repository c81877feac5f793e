package dev.millrace.grammar.machine;

import java.util.Arrays;
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

  /** More ways of reading the text than are followed, so that nothing is known of what may come. */
  static final State TOO_MANY = new State(Set.of(), false);

  final List<Head> heads;

  /** Whether the text may end here. */
  final boolean complete;

  private volatile @Nullable Moves moves; // those that are worked out
  private volatile long @Nullable [] mask;

  State(Set<Head> heads, boolean complete) {
    this.heads = List.copyOf(heads);
    this.complete = complete;
  }

  /** Whether nothing may come, as far as is known, and the text isn't complete. */
  boolean isDead() {
    return heads.isEmpty() && !complete;
  }

  /** What comes behind a byte, if that has been worked out. */
  @Nullable State next(int read) {
    Moves known = moves;
    return known == null ? null : known.behind(read);
  }

  /**
   * What it took to find what comes behind a byte, in {@link Work}'s nodes; 0 if it isn't known.
   */
  int nodes(int read) {
    Moves known = moves;
    return known == null ? 0 : known.nodes(read);
  }

  /** By one thread at a time. */
  void keep(int read, State state, int nodes) {
    Moves known = moves;
    // Written even where it stays the same, so that whoever reads it sees the state's fields.
    moves = (known == null ? Moves.NONE : known).with(read, state, nodes);
  }

  long @Nullable [] mask() {
    return mask;
  }

  void keep(long[] tokens) {
    mask = tokens;
  }

  /** States by byte: most have few. */
  private static final class Moves {
    private static final int FEW = 12;
    static final Moves NONE = new Moves(new byte[0], new State[0], new int[0]);

    private final byte[] reads; // of the states, where these are few
    private final @Nullable State[] states; // else by byte, all 256
    private final int[] nodes; // that each took

    private Moves(byte[] reads, @Nullable State[] states, int[] nodes) {
      this.reads = reads;
      this.states = states;
      this.nodes = nodes;
    }

    @Nullable State behind(int read) {
      int index = index(read);
      return index < 0 ? null : states[index];
    }

    int nodes(int read) {
      int index = index(read);
      return index < 0 ? 0 : nodes[index];
    }

    private int index(int read) {
      if (states.length == 256) {
        return read;
      }
      for (int i = 0; i < reads.length; i++) {
        if (reads[i] == (byte) read) {
          return i;
        }
      }
      return -1;
    }

    /** With one more; a table by byte is changed, few ones are copied. */
    Moves with(int read, State state, int took) {
      int count = states.length;
      if (count == 256) {
        states[read] = state;
        nodes[read] = took;
        return this;
      }
      if (count == FEW) {
        @Nullable State[] all = new State[256];
        int[] allNodes = new int[256];
        for (int i = 0; i < count; i++) {
          all[reads[i] & 0xFF] = states[i];
          allNodes[reads[i] & 0xFF] = nodes[i];
        }
        all[read] = state;
        allNodes[read] = took;
        return new Moves(new byte[0], all, allNodes);
      }
      byte[] more = Arrays.copyOf(reads, count + 1);
      @Nullable State[] targets = Arrays.copyOf(states, count + 1);
      int[] moreNodes = Arrays.copyOf(nodes, count + 1);
      more[count] = (byte) read;
      targets[count] = state;
      moreNodes[count] = took;
      return new Moves(more, targets, moreNodes);
    }
  }
}
