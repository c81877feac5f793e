package dev.millrace.engine;

import dev.millrace.sampling.SampledToken;
import java.time.Duration;
import java.util.List;

/**
 * What happens to a sequence, in order: Started, PromptProcessed, Delta*, Finished, Summary; one
 * Delta behind every tokensPerEvent-th token, and one with what is left at the end, if anything is.
 * Deltas are missing where the end comes before them. So events always have the same numbers.
 *
 * <p>A resumed request starts with Started and PromptProcessed again; then come only the Deltas
 * that are new. So the numbers of the first stream go on: if the caller has event n ≥ 1, the first
 * Delta or Finished after a resumption is event n + 1. What the tokens given back had held back is
 * the beginning of the first new Delta's text. If they end a candidate's output by themselves, its
 * Finished follows at once, unless the caller has it, and nothing is computed.
 */
public sealed interface GenerationEvent {
  /** Admitted to the queue. */
  record Started() implements GenerationEvent {}

  /**
   * The prompt has been read, or the output has ended before. Several, one behind another, where
   * there are many tokens to tell.
   *
   * @param tokens of the prompt, where they are to be told; a log-probability is NaN where there is
   *     none
   */
  record PromptProcessed(int cachedTokens, List<SampledToken> tokens) implements GenerationEvent {
    public PromptProcessed(int cachedTokens) {
      this(cachedTokens, List.of());
    }
  }

  /**
   * Text that is complete, and the tokens that it accounts for.
   *
   * @param candidate from 0; those of one request are told interleaved
   * @param text whole characters; may be empty. With echoPrompt, the first begins with the prompt's
   * @param tokens in order, all that were generated since the Delta before, also one that ended the
   *     output; none where only text was left at the end
   */
  record Delta(int candidate, String text, List<SampledToken> tokens) implements GenerationEvent {}

  /**
   * One for each candidate, as it ends.
   *
   * @param stopText the text that matched; empty for other reasons
   */
  record Finished(int candidate, FinishReason reason, String stopText, int completionTokens)
      implements GenerationEvent {}

  /** Last. */
  record Summary(Usage usage, Timings timings) implements GenerationEvent {}

  enum FinishReason {
    END_OF_TEXT,
    STOP_SEQUENCE,
    STOP_TOKEN,
    MAX_TOKENS,
    CONTEXT_FULL,
    TIME_LIMIT,
    FORMAT_COMPLETE,
    /** {@link Engine#interrupt}. */
    INTERRUPTED
  }

  /**
   * @param promptTokens all of the prompt's when the output has ended; else those read until then
   * @param completionTokens with those that a resumed request gave back
   */
  record Usage(int promptTokens, int cachedPromptTokens, int completionTokens, int preemptions) {
    public static final Usage NONE = new Usage(0, 0, 0, 0);
  }

  /** The four parts of a sequence's life; they don't overlap. */
  record Timings(Duration queued, Duration prefill, Duration decode, Duration stalled) {}
}
