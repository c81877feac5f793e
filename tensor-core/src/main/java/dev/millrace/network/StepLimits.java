package dev.millrace.network;

/**
 * What a network makes room for when it is loaded.
 *
 * @param maxTokens rows that one step can hold
 * @param maxLogitRows rows of one step that can want logits
 * @param maxContext positions that one sequence can have
 */
public record StepLimits(int maxTokens, int maxLogitRows, int maxContext) {
  public StepLimits {
    if (maxTokens < 1 || maxLogitRows < 1 || maxLogitRows > maxTokens || maxContext < 1) {
      throw new IllegalArgumentException(
          "step limits: maxTokens "
              + maxTokens
              + " and maxContext "
              + maxContext
              + " must be positive, maxLogitRows "
              + maxLogitRows
              + " between 1 and maxTokens");
    }
  }
}
