package dev.millrace.request;

import dev.millrace.v1.GenerationStarted;

/**
 * A request that can be served.
 *
 * @param generation for the engine
 * @param started what its caller is told once it is admitted
 */
public record AcceptedRequest(GenerationRequest generation, GenerationStarted started) {}
