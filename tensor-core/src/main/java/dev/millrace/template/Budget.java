package dev.millrace.template;

import java.time.Duration;

/**
 * What one rendering may still use. Templates come from files and conversations from callers: both
 * are strangers. Every loop over data counts its rounds here, whatever makes text or lists counts
 * their sizes before it makes them.
 */
final class Budget {
  /** Nodes evaluated and elements looked at; the longest public templates take some thousands. */
  static final long MAX_STEPS = 20_000_000;

  /** Characters and elements made, all values together, also those already dropped. */
  static final long MAX_MADE = 1 << 26;

  /** What a text takes besides its characters, counted in them: objects of some 100 bytes. */
  static final int TEXT = 64;

  /** Nested evaluations; each takes some hundred bytes of the thread's stack. */
  static final int MAX_DEPTH = 250;

  static final Duration MAX_TIME = Duration.ofSeconds(5);

  private static final int STEPS_BETWEEN_LOOKS = 1024; // at the clock

  private final long end = System.nanoTime() + MAX_TIME.toNanos();
  private long steps;
  private long made;
  private int depth;
  private int sinceLook;

  void step() {
    steps(1);
  }

  void steps(long count) {
    steps += count;
    if (steps > MAX_STEPS) {
      throw new TemplateException("the template takes more than " + MAX_STEPS + " steps");
    }
    sinceLook += (int) Math.min(count, STEPS_BETWEEN_LOOKS);
    if (sinceLook >= STEPS_BETWEEN_LOOKS) {
      sinceLook = 0;
      if (System.nanoTime() - end > 0) {
        throw new TemplateException(
            "the template takes longer than " + MAX_TIME.toSeconds() + " seconds");
      }
    }
  }

  /** Before going through so many characters, once. */
  void read(long count) {
    steps(count >> 6);
  }

  /** Before making so many characters or elements. */
  void make(long count) {
    made += count;
    if (count > MAX_MADE || made > MAX_MADE) {
      throw new TemplateException(
          "the template makes more than " + MAX_MADE + " characters and elements");
    }
    read(count);
  }

  void enter() {
    if (++depth > MAX_DEPTH) {
      throw new TemplateException("nested more than " + MAX_DEPTH + " deep");
    }
  }

  void leave() {
    depth--;
  }
}
