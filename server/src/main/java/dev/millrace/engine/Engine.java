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

  /** Ends a sequence's output well, with what there is: INTERRUPTED. Unknown ids are ignored. */
  void interrupt(long id);

  /**
   * Begins a conversation: a request that names it goes on from what the one before it left in the
   * KV pool. Requests of one session come one after another. What is left idle is given up when
   * others need the blocks, which costs time only.
   *
   * @return the session's id; to be given back with {@link #closeSession}
   */
  long openSession();

  /** Gives up what a session has left. Unknown ids are ignored. */
  void closeSession(long session);

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
