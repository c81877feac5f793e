package dev.millrace.server;

import dev.millrace.kv.BlockTable;
import dev.millrace.kv.KvPool;
import dev.millrace.network.Chunk;
import dev.millrace.network.Network;
import java.time.Duration;
import java.util.List;

/**
 * Runs a network before anybody waits for it, so that the first request doesn't pay for compiling
 * the kernels and touching the weights. Goes past the engine: its counters know nothing of it.
 */
final class WarmUp {
  /**
   * Enough for small models' kernels to be seen by the compiler; not so much that a command with a
   * server inside starts late. Large models take longer for their one round.
   */
  private static final Duration LONGEST = Duration.ofMillis(500);

  private static final int MAX_ROUNDS = 50;
  private static final int PROMPT_TOKENS = 32;

  private WarmUp() {}

  /**
   * Prefills a short prompt, alone and beside decode rows, at least once.
   *
   * @param pool nobody's blocks are in it yet
   */
  static void run(Network network, KvPool pool) {
    long end = System.nanoTime() + LONGEST.toNanos();
    int longest = Math.min(network.limits().maxContext(), pool.blocks() * pool.blockSize()) - 1;
    int prompt =
        Math.max(1, Math.min(Math.min(PROMPT_TOKENS, network.limits().maxTokens()), longest));
    int[] tokens = new int[prompt + 1]; // which ones doesn't matter
    BlockTable blocks = new BlockTable();
    for (int block = 0; block < Math.ceilDiv(tokens.length, pool.blockSize()); block++) {
      blocks.append(block);
    }
    for (int round = 0; round < MAX_ROUNDS && (round == 0 || System.nanoTime() < end); round++) {
      network.forward(List.of(new Chunk(tokens, 0, prompt, 0, blocks, 1)), pool);
      network.forward(List.of(new Chunk(tokens, prompt, 1, prompt, blocks, 1)), pool);
    }
  }
}
