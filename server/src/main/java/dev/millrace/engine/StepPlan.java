package dev.millrace.engine;

import java.util.List;

/**
 * What one step computes: decode rows first, then prefill chunks, under one budget.
 *
 * @param copies of blocks, in order, before anything is computed
 */
public record StepPlan(List<Copy> copies, List<Entry> entries) {

  /** A block's keys and values go to another block. */
  public record Copy(int from, int to) {}

  // As the network's attention has it.
  private static final int ROWS_OF_A_READING = 16;

  private static final long ROWS_WORTH_A_READING = 2;

  /** What it takes to read keys and values of so many positions, in positions attended to. */
  static long readingOf(int positions) {
    return ROWS_WORTH_A_READING * positions;
  }

  /**
   * Tokens of one sequence: its tokens at positions [position, position + count).
   *
   * @param samples whether all that is known of it is among them, so that the next token is sampled
   *     behind the last known one
   * @param drafted how many at the end aren't known but guessed: behind each a token is sampled
   *     too, as long as the guesses in front of it turn out to be right
   */
  public record Entry(Sequence sequence, int position, int count, boolean samples, int drafted) {

    /** All of whose tokens are known. */
    public Entry(Sequence sequence, int position, int count, boolean samples) {
      this(sequence, position, count, samples, 0);
    }

    /** Rows of tokens that are known. */
    int known() {
      return count - drafted;
    }

    /** Rows that want logits: the last ones. */
    int logitRows() {
      return samples ? 1 + drafted : 0;
    }

    /** Positions that its rows attend to, in sum, and what reading these takes beside. */
    long attended() {
      long attended = (long) count * position + (long) count * (count + 1) / 2;
      return attended + Math.ceilDiv(count, ROWS_OF_A_READING) * readingOf(position + count);
    }
  }

  public boolean isEmpty() {
    return entries.isEmpty();
  }

  public int tokens() {
    return entries.stream().mapToInt(Entry::count).sum();
  }

  /** Rows that want logits. */
  public int samples() {
    return entries.stream().mapToInt(Entry::logitRows).sum();
  }
}
