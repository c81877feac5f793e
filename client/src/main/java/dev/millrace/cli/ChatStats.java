package dev.millrace.cli;

import dev.millrace.v1.ConverseResponse;
import dev.millrace.v1.Usage;
import java.util.Locale;

/** How many tokens answers took, and how fast they came. */
final class ChatStats {
  private long begun;
  private long first;
  private long last;
  private int tokens;
  private Usage usage = Usage.getDefaultInstance();
  private int answers;
  private long allPrompt;
  private long allCached;
  private long allNew;

  void begin() {
    begun = System.nanoTime();
    tokens = 0;
  }

  void note(ConverseResponse event) {
    int count = event.getDelta().getTokenIdsCount();
    if (count > 0) {
      last = System.nanoTime();
      first = tokens == 0 ? last : first;
      tokens += count;
    }
    if (event.hasSummary()) {
      usage = event.getSummary().getUsage();
      answers++;
      allPrompt += usage.getPromptTokens();
      allCached += usage.getCachedPromptTokens();
      allNew += usage.getCompletionTokens();
    }
  }

  @Override
  public String toString() {
    if (answers == 0) {
      return "nothing has been answered yet";
    }
    String speed =
        tokens > 1 && last > first
            ? String.format(
                Locale.ROOT,
                "; the first after %.3f s, then %.1f tokens/s",
                (first - begun) / 1e9,
                (tokens - 1) * 1e9 / (last - first))
            : "";
    return String.format(
        Locale.ROOT,
        "last answer: %d prompt tokens, %d of them kept; %d new tokens%s%n"
            + "all %d answers: %d prompt tokens, %d of them kept; %d new tokens",
        usage.getPromptTokens(),
        usage.getCachedPromptTokens(),
        usage.getCompletionTokens(),
        speed,
        answers,
        allPrompt,
        allCached,
        allNew);
  }
}
