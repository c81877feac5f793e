package dev.millrace.engine;

import dev.millrace.request.GenerationRequest;

/** What the outside may ask of the engine; from any thread, never blocking. */
public interface Engine extends AutoCloseable {
  /**
   * Queues a request. Whatever becomes of it, also a refusal, is told to the outlet, which may
   * happen before this returns. Reads the prompt once, so not for an event loop's thread.
   *
   * @return the sequence's id, for the calls below
   */
  long submit(GenerationRequest request, Outlet outlet);

  /**
   * The caller went away: the sequence's blocks are free by the next step. Unknown ids are ignored:
   * it may have ended.
   */
  void cancel(long id);

  /** The outlet has room again. */
  void demandChanged(long id);

  /**
   * Tokens of one sequence at most, prompt and output together: what both the context and the KV
   * pool hold. A prompt must leave room for one.
   */
  int maxSequenceTokens();

  EngineSnapshot snapshot();

  /** Whether steps are being made: false when the engine's thread died or a step hangs. */
  boolean isAlive();

  /** Refuses new requests with DRAINING from now on. Running ones go on. */
  void drain();

  /** Ends everything that still runs with DRAINING, and the thread. */
  @Override
  void close();
}
