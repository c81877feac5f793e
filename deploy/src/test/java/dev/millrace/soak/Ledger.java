package dev.millrace.soak;

import dev.millrace.soak.Heard.Tokens;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** What all users saw, of one round and of all; from any thread. */
final class Ledger {
  /** What the server said at the end of a call was computed. */
  record Told(String requestId, Tokens tokens) {}

  /** How a call ended for its reader. */
  enum End {
    WHOLE,
    LEFT,
    RESUMED,
    OUT_OF_TIME,
    LOST,
    REFUSED,
    BAD
  }

  private static final int MOST_FAILURES = 20;

  private final Map<End, Long> ends = new EnumMap<>(End.class);
  private final List<String> failures = new ArrayList<>();
  private final List<Told> told = new ArrayList<>(); // of this round
  private long generations; // of this round that ended well
  private long givenBack; // tokens that resumed streams of this round began with

  synchronized void ended(End end) {
    ends.merge(end, 1L, Long::sum);
  }

  /** The server said at the end of a request, well or not, what was computed. */
  synchronized void told(String requestId, Tokens tokens, int answers) {
    told.add(new Told(requestId, tokens));
    generations += answers;
  }

  /** A stream was taken up behind so many tokens: it tells of them again, and they count once. */
  synchronized void gaveBack(long tokens) {
    givenBack += tokens;
  }

  synchronized long givenBack() {
    return givenBack;
  }

  synchronized void failed(String what) {
    if (failures.size() < MOST_FAILURES) {
      System.err.println("FAILED: " + what);
      failures.add(what);
    }
  }

  synchronized long count(End end) {
    return ends.getOrDefault(end, 0L);
  }

  synchronized boolean isFull() {
    return failures.size() == MOST_FAILURES;
  }

  synchronized List<String> failures() {
    return List.copyOf(failures);
  }

  /** Of this round. */
  synchronized List<Told> told() {
    return List.copyOf(told);
  }

  synchronized long generations() {
    return generations;
  }

  synchronized void nextRound() {
    told.clear();
    generations = 0;
    givenBack = 0;
  }
}
