package dev.millrace.pipeline;

import dev.millrace.engine.GenerationEvent;
import dev.millrace.request.GenerationRequest;
import reactor.core.publisher.Flux;

/**
 * A request's way through the engine as a stream. Cold: subscribing submits the request, cancelling
 * cancels it. What isn't requested isn't decoded, but for the outlet's few events. Fails with
 * GenerationException. Interrupting ends the output well, with what there is.
 */
public interface Generator {
  Flux<GenerationEvent> generate(GenerationRequest request);

  /** The same for output that may be interrupted, where that can be done. */
  default Flux<GenerationEvent> generate(GenerationRequest request, InterruptHandle interrupt) {
    return generate(request);
  }
}
