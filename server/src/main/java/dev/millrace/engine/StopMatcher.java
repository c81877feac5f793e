package dev.millrace.engine;

import java.util.Arrays;
import java.util.List;

/**
 * Finds stop texts in a stream of characters, whatever the borders between tokens: the automaton of
 * Aho and Corasick (1975). Its state is the longest suffix of the text that begins a stop, so it
 * also knows exactly how much must be held back.
 *
 * <p>The first stop to be complete wins; of those that end at the same character, the longest.
 *
 * <p>A character costs O(stops) at worst, amortized, since a node has at most as many children as
 * there are stops; a character of a stop takes some 22 bytes.
 */
final class StopMatcher {
  static final int NONE = -1;
  private static final int ROOT = 0;

  private final List<String> stops;

  // The trie, by node.
  private final char[] character; // that leads here
  private final int[] firstChild; // or NONE
  private final int[] nextSibling; // or NONE
  private int nodes = 1;

  // What depends on suffixes, by node.
  private final int[] fallback; // the longest proper suffix that is a node too
  private final int[] stopAt; // the longest stop that ends here, or NONE
  private final int[] held; // how long the longest suffix is that can still grow

  private int node = ROOT;

  /**
   * @throws IllegalArgumentException if a stop is empty
   */
  StopMatcher(List<String> stops) {
    this.stops = List.copyOf(stops);
    if (stops.contains("")) {
      throw new IllegalArgumentException("a stop text is empty");
    }
    int most = 1 + stops.stream().mapToInt(String::length).sum();
    character = new char[most];
    firstChild = filled(most);
    nextSibling = filled(most);
    fallback = new int[most];
    stopAt = filled(most);
    held = filled(most);
    held[ROOT] = 0;
    grow();
    link();
  }

  private static int[] filled(int size) {
    int[] values = new int[size];
    Arrays.fill(values, NONE);
    return values;
  }

  /** Builds the trie of all stops. */
  private void grow() {
    for (int i = 0; i < stops.size(); i++) {
      int at = ROOT;
      for (int depth = 0; depth < stops.get(i).length(); depth++) {
        held[at] = depth; // it has a child, so all of it can grow
        char next = stops.get(i).charAt(depth);
        int child = child(at, next);
        at = child == NONE ? addChild(at, next) : child;
      }
      stopAt[at] = i;
    }
  }

  private int addChild(int parent, char next) {
    int child = nodes++;
    character[child] = next;
    nextSibling[child] = firstChild[parent];
    firstChild[parent] = child;
    return child;
  }

  private int child(int parent, char next) {
    int child = firstChild[parent];
    while (child != NONE && character[child] != next) {
      child = nextSibling[child];
    }
    return child;
  }

  /** Fills in what depends on suffixes, level by level: a suffix is shorter, so it's ready. */
  private void link() {
    int[] at = new int[stops.size()]; // where each stop's first characters lead
    int longest = stops.stream().mapToInt(String::length).max().orElse(0);
    for (int depth = 0; depth < longest; depth++) {
      for (int i = 0; i < at.length; i++) {
        if (depth < stops.get(i).length()) {
          char next = stops.get(i).charAt(depth);
          int child = child(at[i], next);
          fallback[child] = at[i] == ROOT ? ROOT : follow(fallback[at[i]], next);
          if (stopAt[child] == NONE) {
            stopAt[child] = stopAt[fallback[child]];
          }
          if (held[child] == NONE) {
            held[child] = held[fallback[child]];
          }
          at[i] = child;
        }
      }
    }
  }

  private int follow(int from, char next) {
    int at = from;
    int child = child(at, next);
    while (child == NONE && at != ROOT) {
      at = fallback[at];
      child = child(at, next);
    }
    return child == NONE ? ROOT : child;
  }

  /** Reads a character; returns the index of the stop that it completes, or NONE. */
  int next(char read) {
    node = follow(node, read);
    return stopAt[node];
  }

  /** How many of the last characters may be the beginning of a stop. */
  int held() {
    return held[node];
  }
}
