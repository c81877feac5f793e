package dev.millrace.bench;

import dev.millrace.client.Target;
import java.util.List;

/**
 * What a run of the load harness does.
 *
 * @param model empty is the server's default
 * @param streams requests under way at any time
 * @param requests in all, that are measured
 * @param warmup requests before those, that aren't
 * @param promptTokens of each prompt
 * @param maxTokens that each request generates, exactly: the end of the text doesn't end it
 * @param seed of the prompts
 */
public record BenchSettings(
    List<Target> targets,
    String model,
    int streams,
    int requests,
    int warmup,
    int promptTokens,
    int maxTokens,
    long seed) {

  /** Prompts are drawn when they are needed, so only sums count. */
  private static final int MOST = 1_000_000;

  public BenchSettings {
    requireWithin("streams", streams, 1);
    requireWithin("requests", requests, 1);
    requireWithin("warmup", warmup, 0);
    requireWithin("prompt-tokens", promptTokens, 1);
    requireWithin("max-tokens", maxTokens, 1);
  }

  private static void requireWithin(String name, int value, int least) {
    if (value < least || value > MOST) {
      throw new IllegalArgumentException(
          "--" + name + " is " + value + "; it must be in " + least + ".." + MOST);
    }
  }
}
