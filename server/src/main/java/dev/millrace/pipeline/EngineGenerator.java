package dev.millrace.pipeline;

import dev.millrace.engine.Engine;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.request.GenerationRequest;
import java.util.concurrent.Executor;
import reactor.core.publisher.Flux;

/** Generates on an {@link Engine}. */
public final class EngineGenerator implements Generator {
  /**
   * Tokens that may wait in an outlet for their reader: enough that a reader who keeps up never
   * stalls the engine, few enough that one who sleeps costs nothing.
   */
  static final int SLACK_TOKENS = 8;

  private final Engine engine;
  private final Executor executor;

  /**
   * @param executor where events are delivered, so that no subscriber runs on the engine's thread.
   *     Each stream has at most one task in it. To be shut down after the engine
   */
  public EngineGenerator(Engine engine, Executor executor) {
    this.engine = engine;
    this.executor = executor;
  }

  @Override
  public Flux<GenerationEvent> generate(GenerationRequest request) {
    return generate(request, new InterruptHandle());
  }

  @Override
  public Flux<GenerationEvent> generate(GenerationRequest request, InterruptHandle interrupt) {
    int deltas = Math.max(1, SLACK_TOKENS / request.output().tokensPerEvent());
    // One for each candidate at least, so that all of them can go on in one step.
    deltas = Math.max(deltas, request.candidateCount());
    return Flux.from(new OutletPublisher(engine, request, interrupt, deltas, executor));
  }
}
