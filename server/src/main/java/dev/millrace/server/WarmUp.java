package dev.millrace.server;

import dev.millrace.kv.BlockTable;
import dev.millrace.kv.KvPool;
import dev.millrace.network.Chunk;
import dev.millrace.network.Network;
import java.lang.management.CompilationMXBean;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Runs a network before anybody waits for it, so that the first request doesn't pay for compiling
 * what stands around the kernels and touching the weights. Goes past the engine: its counters know
 * nothing of it.
 */
final class WarmUp {
  private static final int SHORT_PROMPT = 32; // tokens
  private static final int LONG_PROMPT = 1024; // goes by tiles and whole segments, as requests do

  /** As long as the compiler was busy for more of a look's time, there is more to be compiled. */
  private static final double QUIET_PART = 0.05;

  private static final Duration LOOK = Duration.ofMillis(300);

  private final Network network;
  private final KvPool pool;
  private final int[] tokens; // which ones doesn't matter
  private final BlockTable blocks = new BlockTable();

  private WarmUp(Network network, KvPool pool) {
    this.network = network;
    this.pool = pool;
    int context = Math.min(network.limits().maxContext(), pool.blocks() * pool.blockSize());
    tokens = new int[Math.min(LONG_PROMPT + 1, context)];
    for (int block = 0; block < Math.ceilDiv(tokens.length, pool.blockSize()); block++) {
      blocks.append(block);
    }
  }

  /**
   * Reads prompts and decodes behind them: a short one at least, then longer ones until the
   * compiler has fallen silent.
   *
   * @param pool nobody's blocks are in it yet
   * @param most until the last prompt begins; it must be expected to end by then too
   */
  static void run(Network network, KvPool pool, Duration most) {
    WarmUp warmUp = new WarmUp(network, pool);
    long begun = System.nanoTime();
    long shortNanos = warmUp.round(SHORT_PROMPT);
    long longNanos = shortNanos * LONG_PROMPT / SHORT_PROMPT;
    CompilationMXBean compiler = ManagementFactory.getCompilationMXBean();
    if (compiler == null || !compiler.isCompilationTimeMonitoringSupported()) {
      return;
    }
    long end = begun + most.toNanos();
    long looked = begun;
    long compiled = compiler.getTotalCompilationTime();
    for (long now = System.nanoTime(); now < end; now = System.nanoTime()) {
      if (now - looked > LOOK.toNanos()) {
        long since = TimeUnit.MILLISECONDS.toNanos(compiler.getTotalCompilationTime() - compiled);
        if (since < (now - looked) * QUIET_PART) {
          return;
        }
        looked = now;
        compiled = compiler.getTotalCompilationTime();
      }
      if (now + longNanos < end) {
        longNanos = warmUp.round(LONG_PROMPT);
      } else if (now + shortNanos < end) {
        shortNanos = warmUp.round(SHORT_PROMPT);
      } else {
        return;
      }
    }
  }

  /** Takes a prompt of so many tokens, or fewer where there is no room, and a token behind it. */
  private long round(int most) {
    long begun = System.nanoTime();
    int prompt = Math.min(most, tokens.length - 1);
    int step = network.limits().maxTokens();
    for (int from = 0; from < prompt; from += step) {
      int count = Math.min(step, prompt - from);
      network.forward(List.of(new Chunk(tokens, from, count, from, blocks, 1)), pool);
    }
    network.forward(List.of(new Chunk(tokens, prompt, 1, prompt, blocks, 1)), pool);
    return System.nanoTime() - begun;
  }
}
