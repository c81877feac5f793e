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

  /**
   * Returns whether it's the first time.
   *
   * @param now when the turn began; the request may have come since then
   */
  boolean start(long now) {
    boolean first = started == NEVER;
    if (first) {
      started = Math.max(admitted, now);
    }
    return first;
  }

  boolean wasStarted() {
    return started != NEVER;
  }

  /** Since it was admitted. */
  long age(long now) {
    return now - admitted;
  }

  /** Until its caller gives up, or NEVER. */
  long untilDeadline(long now) {
    return deadline == NEVER ? NEVER : deadline - now;
  }

  void token(long now) {
    firstToken = Math.min(firstToken, now);
  }

  void stall(long now) {
    stalledSince = Math.min(stalledSince, now);
  }

  /** NEVER if it isn't stalled. */
  long stalledSince() {
    return stalledSince;
  }

  /** When it has been stalled for so long, or NEVER. */
  long stallExpiry(Duration timeout) {
    return isStalled() ? Timeline.after(stalledSince, timeout) : NEVER;
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
