package dev.millrace.grammar.machine;

import dev.millrace.grammar.automaton.ByteAutomaton;
import java.util.Arrays;
import java.util.function.IntPredicate;

/**
 * What of a vocabulary an automaton alone can tell in one of its states: which tokens it can read
 * and then go on, and the trie's nodes where it accepts and what comes behind it has a say: where
 * tokens go on, and where they end and the automaton can't go on. Immutable.
 */
final class Reach {
  private final int[] wordIndexes; // of the mask's words that aren't 0
  private final long[] words;
  private final int[] exits; // nodes of the trie
  private final int[] labels; // what is accepted there
  private final int walked;

  private Reach(long[] mask, int[] exits, int[] labels, int walked) {
    int used = 0;
    for (long word : mask) {
      used += word == 0 ? 0 : 1;
    }
    this.wordIndexes = new int[used];
    this.words = new long[used];
    for (int i = 0, at = 0; i < mask.length; i++) {
      if (mask[i] != 0) {
        wordIndexes[at] = i;
        words[at++] = mask[i];
      }
    }
    this.exits = exits;
    this.labels = labels;
    this.walked = walked;
  }

  /**
   * Reads the whole vocabulary, but for what lies behind bytes that can't come.
   *
   * @param allowed states that may be entered
   */
  static Reach from(ByteAutomaton automaton, int state, TokenTrie trie, IntPredicate allowed) {
    long[] mask = new long[trie.words()];
    int[] exits = new int[16];
    int[] labels = new int[16];
    int count = 0;
    int[] at = new int[trie.maxDepth() + 1]; // states by depth
    at[0] = state;
    int end = trie.nodes();
    int node = 1;
    int walked = 0;
    int entered = ByteAutomaton.NONE; // the last state that turned out to be allowed
    while (node < end) {
      walked++;
      int depth = trie.depth(node);
      int to = automaton.next(at[depth - 1], trie.lastByte(node));
      if (to == ByteAutomaton.NONE || to != entered && !allowed.test(to)) {
        node = trie.behind(node);
        continue;
      }
      entered = to;
      at[depth] = to;
      int label = automaton.label(to);
      boolean goesOn = label == ByteAutomaton.NONE || automaton.goesOn(to);
      if (goesOn) {
        trie.addTokens(node, mask);
      }
      if (label != ByteAutomaton.NONE && (!goesOn || trie.behind(node) > node + 1)) {
        if (count == exits.length) {
          exits = Arrays.copyOf(exits, 2 * count);
          labels = Arrays.copyOf(labels, 2 * count);
        }
        exits[count] = node;
        labels[count++] = label;
      }
      if (automaton.plainRun(to) >= trie.plainHeight(node)) {
        trie.addTokensBelow(node, mask); // all of them, and nothing happens on the way
        node = trie.behind(node);
      } else {
        node++;
      }
    }
    return new Reach(mask, Arrays.copyOf(exits, count), Arrays.copyOf(labels, count), walked);
  }

  void addTo(long[] mask) {
    for (int i = 0; i < words.length; i++) {
      mask[wordIndexes[i]] |= words[i];
    }
  }

  int exits() {
    return exits.length;
  }

  int exit(int index) {
    return exits[index];
  }

  int label(int index) {
    return labels[index];
  }

  /** How many of the trie's nodes were looked at. */
  int walked() {
    return walked;
  }

  long bytes() {
    return 100 + words.length * 12L + exits.length * 8L;
  }
}
