package dev.millrace.bench;

import java.time.Duration;
import java.util.List;

/**
 * A request that will be made.
 *
 * @param due after the run's begin
 * @param prefix names of the blocks of {@code blockTokens} that the prompt begins with: equal
 *     names, equal tokens. What they don't cover is the request's own
 */
record PlannedRequest(
    Duration due, int promptTokens, int maxTokens, List<Long> prefix, int blockTokens) {

  static PlannedRequest of(Duration due, int promptTokens, int maxTokens) {
    return new PlannedRequest(due, promptTokens, maxTokens, List.of(), 1);
  }
}
