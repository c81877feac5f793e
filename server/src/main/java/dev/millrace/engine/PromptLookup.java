package dev.millrace.engine;

import java.util.Arrays;

/**
 * Guesses what comes next in a sequence by what came behind the same tokens before, as prompt
 * lookup decoding does: text that is copied, quoted or listed repeats itself. Places are found by
 * their last {@link #SHORTEST} tokens; of the latest ones, the one wins that has most tokens in
 * front in common with the end.
 *
 * <p>Grows with its sequence, whose tokens never change: at most 16 bytes a token. A guess costs as
 * much as there are new tokens, and {@link #TRIES} times {@link #LONGEST} comparisons at most.
 */
final class PromptLookup {
  /** Tokens that must be the same, for what is behind them to be a guess. */
  static final int SHORTEST = 3;

  /** Tokens that are compared: more hardly make a guess any likelier. */
  static final int LONGEST = 16;

  /** Places that are looked at. */
  static final int TRIES = 16;

  private static final int NOWHERE = 0; // no place, for it has nothing in front

  // A place is the position behind the tokens that it is found by.
  private int[] latest = new int[64]; // [power of two], by hash of those tokens
  private int[] before = {}; // [places], the last one before it with the same hash
  private int next = SHORTEST; // the first place that isn't in the index yet

  /**
   * Writes a guess behind the known tokens, into the same array.
   *
   * @param tokens the same [0, length) as before, and perhaps more
   * @param most how many at most, with room in the array
   * @return how many: all, or none
   */
  int guess(int[] tokens, int length, int most) {
    if (length < SHORTEST) {
      return 0;
    }
    index(tokens, length);
    int best = NOWHERE;
    int longest = SHORTEST - 1;
    int place = latest[slot(tokens, length)];
    for (int i = 0; i < TRIES && place != NOWHERE && longest < LONGEST; i++) {
      int common = commonInFront(tokens, place, length);
      if (common > longest) {
        longest = common;
        best = place;
      }
      place = before[place];
    }
    if (best == NOWHERE) {
      return 0;
    }
    for (int i = 0; i < most; i++) {
      tokens[length + i] = tokens[best + i]; // perhaps a guess itself: a repetition goes on
    }
    return most;
  }

  /** Takes all places in front of the end. */
  private void index(int[] tokens, int length) {
    if (length > before.length) {
      before = Arrays.copyOf(before, Math.max(length, 2 * before.length));
    }
    if (length > latest.length) {
      latest = new int[2 * Integer.highestOneBit(length)];
      next = SHORTEST;
    }
    for (; next < length; next++) {
      int slot = slot(tokens, next);
      before[next] = latest[slot];
      latest[slot] = next;
    }
  }

  private int slot(int[] tokens, int place) {
    int hash = 0;
    for (int i = place - SHORTEST; i < place; i++) {
      hash = (hash ^ tokens[i]) * 0x9E3779B1; // 2³² over the golden ratio
    }
    return hash >>> Integer.numberOfLeadingZeros(latest.length) + 1;
  }

  private static int commonInFront(int[] tokens, int place, int end) {
    int most = Math.min(place, LONGEST);
    int common = 0;
    while (common < most && tokens[place - 1 - common] == tokens[end - 1 - common]) {
      common++;
    }
    return common;
  }
}
