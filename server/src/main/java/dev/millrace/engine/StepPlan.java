package dev.millrace.engine;

import java.util.List;

/**
 * What one step computes: decode rows first, then prefill chunks, under one token budget.
 *
 * @param started sequences that leave the queue with this step
 */
public record StepPlan(List<Sequence> started, List<Entry> entries) {

  /**
   * Tokens of one sequence: its tokens at positions [position, position + count).
   *
   * @param samples whether the last of them is the end of what is known, so that the next token is
   *     sampled from it
   */
  public record Entry(Sequence sequence, int position, int count, boolean samples) {}

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
