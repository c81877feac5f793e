package dev.millrace.engine;

import java.time.Duration;

/**
 * An engine's limits.
 *
 * @param kvBlocks blocks in the KV pool
 * @param blockSize positions in a block
 * @param maxBatchTokens rows of one step, decode and prefill together
 * @param maxRunning sequences that hold blocks at once; each wants one row of logits at most
 * @param maxWaiting requests that wait for being started; one more is refused
 * @param stepTimeout a step that takes longer hangs: the engine is given up
 */
public record EngineSettings(
    int kvBlocks,
    int blockSize,
    int maxBatchTokens,
    int maxRunning,
    int maxWaiting,
    Duration stepTimeout) {

  public EngineSettings {
    atLeastOne("kvBlocks", kvBlocks);
    atLeastOne("blockSize", blockSize);
    atLeastOne("maxBatchTokens", maxBatchTokens);
    atLeastOne("maxRunning", maxRunning);
    atLeastOne("maxWaiting", maxWaiting);
    if (maxRunning > maxBatchTokens) {
      // Then every running sequence finds a row in every step, and none can be passed over.
      throw new IllegalArgumentException(
          "maxRunning is %d: at most maxBatchTokens, %d".formatted(maxRunning, maxBatchTokens));
    }
    if (!stepTimeout.isPositive()) {
      throw new IllegalArgumentException("stepTimeout is " + stepTimeout + ": must be positive");
    }
  }

  private static void atLeastOne(String name, int value) {
    if (value < 1) {
      throw new IllegalArgumentException(name + " is " + value + ": must be at least 1");
    }
  }

  /** Tokens of one sequence, prompt and output together, that the whole pool can hold. */
  public long poolTokens() {
    return (long) kvBlocks * blockSize;
  }

  /** Blocks that so many positions take. */
  public int blocksFor(int tokens) {
    return Math.ceilDiv(tokens, blockSize);
  }
}
