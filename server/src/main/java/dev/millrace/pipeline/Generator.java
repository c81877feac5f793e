package dev.millrace.pipeline;

import dev.millrace.engine.GenerationEvent;
import dev.millrace.request.GenerationRequest;
import reactor.core.publisher.Flux;

/**
 * A request's way through the engine as a stream. Cold: subscribing submits the request, cancelling
 * cancels it. What isn't requested isn't decoded, but for the outlet's few events. Fails with
 * GenerationException.
 */
public interface Generator {
  Flux<GenerationEvent> generate(GenerationRequest request);
}
