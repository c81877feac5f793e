package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Timings;
import java.time.Duration;

/**
 * When things happened to a sequence, and when it runs out of time. All times are nanoseconds since
 * the engine's start, so that they compare as numbers.
 */
final class Lifetime {
  static final long NEVER = Long.MAX_VALUE;

  private final long admitted;
  private final long queueLimit;
  private final long deadline;
  private final long timeLimit;

  private long started = NEVER;
  private long firstToken = NEVER;
  private long stalledSince = NEVER;
  private long stalled;

  /**
   * @param queueLimit when it must have been started, or NEVER
   * @param deadline when its caller gives up, or NEVER
   * @param timeLimit when its output ends with what there is, or NEVER
   */
  Lifetime(long admitted, long queueLimit, long deadline, long timeLimit) {
    this.admitted = admitted;
    this.queueLimit = queueLimit;
    this.deadline = deadline;
    this.timeLimit = timeLimit;
  }

  void start(long now) {
    started = now;
  }

  /** Returns whether it's the first. */
  boolean token(long now) {
    boolean first = firstToken == NEVER;
    if (first) {
      firstToken = now;
    }
    return first;
  }

  void stall(long now) {
    stalledSince = now;
  }

  void resume(long now) {
    stalled += now - stalledSince;
    stalledSince = NEVER;
  }

  boolean isStalled() {
    return stalledSince != NEVER;
  }

  boolean deadlinePassed(long now) {
    return deadline <= now;
  }

  boolean timeLimitPassed(long now) {
    return timeLimit <= now;
  }

  boolean queueLimitPassed(long now) {
    return started == NEVER && queueLimit <= now;
  }

  /** When one of the limits is next met, or NEVER. */
  long nextExpiry() {
    long next = Math.min(deadline, timeLimit);
    return started == NEVER ? Math.min(next, queueLimit) : next;
  }

  /** Since it was started; 0 if it wasn't. */
  long served(long now) {
    return started == NEVER ? 0 : now - started;
  }

  /** The four parts of a life; they don't overlap. */
  Timings timings(long now) {
    long startedBy = Math.min(started, now);
    long firstTokenBy = Math.min(firstToken, now);
    long stalledBy = stalled + (isStalled() ? now - stalledSince : 0);
    return new Timings(
        Duration.ofNanos(startedBy - admitted),
        Duration.ofNanos(firstTokenBy - startedBy),
        Duration.ofNanos(now - firstTokenBy - stalledBy),
        Duration.ofNanos(stalledBy));
  }
}
