package dev.millrace.engine;

import java.time.Duration;
import java.util.Optional;

/**
 * Why the engine ended a sequence without an answer. Translated to a gRPC status once, at the door.
 */
public final class GenerationException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** Stable reasons; each is one gRPC status. */
  public enum Reason {
    /** RESOURCE_EXHAUSTED: the queue is full. */
    QUEUE_FULL,
    /** RESOURCE_EXHAUSTED: waited longer than max_queue_time. */
    QUEUE_TIMEOUT,
    /** RESOURCE_EXHAUSTED: too many readers sleep, and this one has slept longest. */
    SLEPT_LONGEST,
    /** INVALID_ARGUMENT: the prompt and max_tokens can never fit the context or the KV pool. */
    NEVER_FITS,
    /** DEADLINE_EXCEEDED. */
    DEADLINE_EXCEEDED,
    /** CANCELLED: the caller went away. */
    CANCELLED,
    /** UNAVAILABLE: the server is draining. */
    DRAINING,
    /** UNAVAILABLE: the engine's thread died, or a step hangs. */
    ENGINE_DOWN,
    /** INTERNAL: the model's numbers weren't finite. */
    NOT_FINITE,
    /** INTERNAL: something of ours is wrong, and others can go on. */
    DEFECT
  }

  private final Reason reason;
  private final transient GenerationEvent.Usage usage;
  private final transient Optional<Duration> retryAfter;

  public GenerationException(
      Reason reason, String message, GenerationEvent.Usage usage, Optional<Duration> retryAfter) {
    super(message, null, false, false); // where it was made says nothing: no stack trace
    this.reason = reason;
    this.usage = usage;
    this.retryAfter = retryAfter;
  }

  public Reason reason() {
    return reason;
  }

  /** What was computed until then. */
  public GenerationEvent.Usage usage() {
    return usage;
  }

  /** When a retry can succeed, where that is known. */
  public Optional<Duration> retryAfter() {
    return retryAfter;
  }
}
