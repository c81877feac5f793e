package dev.millrace.engine;

import java.time.Duration;

/**
 * An engine's limits.
 *
 * @param kvBlocks blocks in the KV pool
 * @param blockSize positions in a block
 * @param maxBatchTokens rows of one step, decode and prefill together
 * @param maxRunning sequences that hold blocks at once
 * @param maxWaiting requests that wait for being started; one more is refused
 * @param stepTimeout a step that takes longer hangs: the engine is given up
 * @param policy how time is shared
 */
public record EngineSettings(
    int kvBlocks,
    int blockSize,
    int maxBatchTokens,
    int maxRunning,
    int maxWaiting,
    Duration stepTimeout,
    Policy policy) {

  /**
   * How time is shared.
   *
   * @param maxWaitingTokens of the prompts of all requests that wait
   * @param stepTarget how long a step may take while sequences decode; zero: a bit more than twice
   *     what its decode rows take alone, and, where several prompts want to be read, {@link
   *     Scheduler#QUICK_ENOUGH} at least
   * @param stallTimeout a sequence whose reader doesn't read for so long gives its blocks up
   * @param ageing a request that has waited so long goes as if its priority were one higher
   * @param maxDraft tokens of one sequence that a step verifies at most, before they are drawn; 0
   *     is no speculation
   */
  public record Policy(
      long maxWaitingTokens,
      Duration stepTarget,
      Duration stallTimeout,
      Duration ageing,
      int maxDraft) {
    public static final Policy DEFAULT =
        new Policy(1 << 20, Duration.ZERO, Duration.ofSeconds(10), Duration.ofSeconds(5));

    /** Without speculation. */
    public Policy(
        long maxWaitingTokens, Duration stepTarget, Duration stallTimeout, Duration ageing) {
      this(maxWaitingTokens, stepTarget, stallTimeout, ageing, 0);
    }

    public Policy {
      if (maxWaitingTokens < 1 || stepTarget.isNegative()) {
        throw new IllegalArgumentException(
            "maxWaitingTokens is %d, stepTarget %s: must be positive, or zero for the latter"
                .formatted(maxWaitingTokens, stepTarget));
      }
      if (!stallTimeout.isPositive() || !ageing.isPositive()) {
        throw new IllegalArgumentException(
            "stallTimeout is %s, ageing %s: must be positive".formatted(stallTimeout, ageing));
      }
      if (maxDraft < 0) {
        throw new IllegalArgumentException("maxDraft is " + maxDraft + ": must be at least 0");
      }
    }
  }

  public EngineSettings(
      int kvBlocks,
      int blockSize,
      int maxBatchTokens,
      int maxRunning,
      int maxWaiting,
      Duration stepTimeout) {
    this(kvBlocks, blockSize, maxBatchTokens, maxRunning, maxWaiting, stepTimeout, Policy.DEFAULT);
  }

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

  /** Rows of one step that want logits at most: each running sequence's, and some for drafts. */
  public int logitRows() {
    return (int) Math.min(maxBatchTokens, (long) maxRunning + policy.maxDraft());
  }

  /** Tokens of one sequence, prompt and output together, that the whole pool can hold. */
  public long poolTokens() {
    return (long) kvBlocks * blockSize;
  }
}
