package dev.millrace.engine;

/** What the engine counts since its start; fields as in {@link EngineSnapshot}. */
final class Counters {
  long promptTokens;
  long cachedPromptTokens;
  long prefillTokensComputed;
  long recomputedTokens;
  long preemptions;
  long completionTokens;
  long draftedTokens;
  long acceptedDraftTokens;
  long steps;
  long requestsFinished;
  long requestsCancelled;
  long requestsRejected;
  long requestsFailed;

  /** Counts a request that ended without an answer. */
  void countFailure(GenerationException.Reason reason) {
    switch (reason) {
      case CANCELLED -> requestsCancelled++;
      case QUEUE_FULL, QUEUE_TIMEOUT, NEVER_FITS -> requestsRejected++;
      case SLEPT_LONGEST, DEADLINE_EXCEEDED, DRAINING, ENGINE_DOWN, NOT_FINITE, DEFECT ->
          requestsFailed++;
    }
  }
}
