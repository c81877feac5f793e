package dev.millrace.engine;

import dev.millrace.sampling.SampledToken;
import java.time.Duration;
import java.util.List;

/** What happens to a sequence, in order: Started, PromptProcessed, Delta*, Finished, Summary. */
public sealed interface GenerationEvent {
  /** Admitted to the queue. */
  record Started() implements GenerationEvent {}

  /** The prompt has been read. */
  record PromptProcessed(int cachedTokens) implements GenerationEvent {}

  /**
   * Text that is complete, and the tokens that it accounts for.
   *
   * @param text whole characters; may be empty
   */
  record Delta(String text, List<SampledToken> tokens) implements GenerationEvent {}

  /**
   * @param stopText the text that matched; empty for other reasons
   */
  record Finished(FinishReason reason, String stopText, int completionTokens)
      implements GenerationEvent {}

  /** Last. */
  record Summary(Usage usage, Timings timings) implements GenerationEvent {}

  enum FinishReason {
    END_OF_TEXT,
    STOP_SEQUENCE,
    STOP_TOKEN,
    MAX_TOKENS,
    CONTEXT_FULL,
    TIME_LIMIT
  }

  record Usage(int promptTokens, int cachedPromptTokens, int completionTokens, int preemptions) {}

  record Timings(Duration queued, Duration prefill, Duration decode, Duration stalled) {}
}
