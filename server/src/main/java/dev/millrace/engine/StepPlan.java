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

  /**
   * Tokens of one sequence: its tokens at positions [position, position + count).
   *
   * @param samples whether the last of them is the end of what is known, so that the next token is
   *     sampled from it
   */
  public record Entry(Sequence sequence, int position, int count, boolean samples) {

    /** Positions that its rows attend to, in sum. */
    long attended() {
      return (long) count * position + (long) count * (count + 1) / 2;
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
    return (int) entries.stream().filter(Entry::samples).count();
  }
}
