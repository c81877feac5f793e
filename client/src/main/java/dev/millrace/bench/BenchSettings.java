package dev.millrace.bench;

import dev.millrace.client.ApiKey;
import dev.millrace.client.Target;
import java.util.List;
import java.util.Optional;

/**
 * What a run of the load harness does.
 *
 * @param model empty is the server's default
 * @param load when requests are made
 * @param requests in all, that are measured; of a recording, its first ones
 * @param warmup requests before those, that aren't
 * @param promptTokens of each prompt, unless a recording says otherwise
 * @param maxTokens that each request generates, exactly: the end of the text doesn't end it; unless
 *     a recording says otherwise
 * @param seed of prompts and random arrivals
 * @param goodput what makes a request a good one
 */
public record BenchSettings(
    List<Target> targets,
    Optional<ApiKey> apiKey,
    String model,
    Load load,
    int requests,
    int warmup,
    int promptTokens,
    int maxTokens,
    long seed,
    Goodput goodput) {

  /** Prompts are drawn when they are needed, so only sums count. */
  static final int MOST = 1_000_000;

  public BenchSettings {
    requireWithin("requests", requests, 1);
    requireWithin("warmup", warmup, 0);
    requireWithin("prompt-tokens", promptTokens, 1);
    requireWithin("max-tokens", maxTokens, 1);
  }

  static void requireWithin(String name, int value, int least) {
    if (value < least || value > MOST) {
      throw new IllegalArgumentException(
          "--" + name + " is " + value + "; it must be in " + least + ".." + MOST);
    }
  }
}
