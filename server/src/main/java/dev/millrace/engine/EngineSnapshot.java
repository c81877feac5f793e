package dev.millrace.engine;

import java.time.Instant;

/**
 * The engine's counters at one moment; fields as in the contract's EngineStats. Rejected are those
 * that were refused at once or waited longer than they may. Failed are all others that ended
 * without an answer and weren't cancelled.
 *
 * @param at when something last changed
 * @param completionTokens sampled here; what resumed requests gave back isn't in it
 * @param draftedTokens that were guessed and verified
 * @param acceptedDraftTokens of those, how many were right, and told
 */
public record EngineSnapshot(
    Instant at,
    int waitingSequences,
    int runningSequences,
    int stalledSequences,
    int kvBlocksTotal,
    int kvBlocksInUse,
    int kvBlocksCached,
    int kvBlockSize,
    long waitingPromptTokens,
    double predictedQueueSeconds,
    long promptTokens,
    long cachedPromptTokens,
    long prefillTokensComputed,
    long recomputedTokens,
    long completionTokens,
    long draftedTokens,
    long acceptedDraftTokens,
    long steps,
    long preemptions,
    long requestsFinished,
    long requestsCancelled,
    long requestsRejected,
    long requestsFailed) {}
