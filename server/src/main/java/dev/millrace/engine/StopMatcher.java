package dev.millrace.engine;

import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds stop texts in a stream of characters, whatever the borders between tokens: the automaton of
 * Aho and Corasick (1975). Its state is the longest suffix of the text that begins a stop, so it
 * also knows exactly how much must be held back. Amortized O(1) a character.
 *
 * <p>The first stop to be complete wins; of those that end at the same character, the longest.
 */
final class StopMatcher {
  static final int NONE = -1;
  private static final int ROOT = 0;

  /** Characters of all stops together; keeps a node and a character in one int. */
  static final int MAX_CHARACTERS = Short.MAX_VALUE;

  private final List<String> stops;
  private final Map<Integer, Integer> edges = new HashMap<>(); // node and character -> node
  private final int[] fallback; // by node: the longest proper suffix that is a node too
  private final int[] stopAt; // by node: the longest stop that ends here, or NONE
  private final int[] held; // by node: how long the longest suffix is that can still grow
  private int node = ROOT;

  /**
   * @throws IllegalArgumentException if a stop is empty, or all together are too long
   */
  StopMatcher(List<String> stops) {
    this.stops = List.copyOf(stops);
    int characters = stops.stream().mapToInt(String::length).sum();
    if (characters > MAX_CHARACTERS || stops.contains("")) {
      throw new IllegalArgumentException(
          "stop texts have %d characters together: allowed are 1 for each to %d for all"
              .formatted(characters, MAX_CHARACTERS));
    }
    fallback = new int[characters + 1];
    stopAt = new int[characters + 1];
    held = new int[characters + 1];
    Arrays.fill(stopAt, NONE);
    Arrays.fill(held, NONE);
    held[ROOT] = 0;
    grow();
    link();
  }

  /** Builds the trie of all stops. */
  private void grow() {
    for (int i = 0; i < stops.size(); i++) {
      int at = ROOT;
      for (int depth = 0; depth < stops.get(i).length(); depth++) {
        held[at] = depth; // it has a child, so all of it can grow
        int edge = edge(at, stops.get(i).charAt(depth));
        at = edges.computeIfAbsent(edge, _ -> edges.size() + 1);
      }
      stopAt[at] = i;
    }
  }

  /** Fills in what depends on suffixes, level by level: a suffix is shorter, so it's ready. */
  private void link() {
    int[] at = new int[stops.size()]; // where each stop's first characters lead
    int longest = stops.stream().mapToInt(String::length).max().orElse(0);
    for (int depth = 0; depth < longest; depth++) {
      for (int i = 0; i < at.length; i++) {
        if (depth < stops.get(i).length()) {
          char character = stops.get(i).charAt(depth);
          int child = follow(at[i], character);
          fallback[child] = at[i] == ROOT ? ROOT : follow(fallback[at[i]], character);
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

  private static int edge(int node, char character) {
    return node << Character.SIZE | character;
  }

  private int follow(int from, char character) {
    int at = from;
    while (at != ROOT && !edges.containsKey(edge(at, character))) {
      at = fallback[at];
    }
    return edges.getOrDefault(edge(at, character), ROOT);
  }

  /** Reads a character; returns the index of the stop that it completes, or NONE. */
  int next(char character) {
    node = follow(node, character);
    return stopAt[node];
  }

  /** How many of the last characters may be the beginning of a stop. */
  int held() {
    return held[node];
  }
}
