package dev.millrace.engine;

import java.time.Duration;
import java.time.Instant;

/**
 * The engine's time: nanoseconds since its start, so that times compare as numbers; those of {@link
 * System#nanoTime} may wrap around.
 */
final class Timeline {
  private final EngineClock clock;
  private final long origin;

  Timeline(EngineClock clock) {
    this.clock = clock;
    this.origin = clock.nanoTime();
  }

  long now() {
    return clock.nanoTime() - origin;
  }

  Instant instant() {
    return clock.instant();
  }

  /** A moment given in the clock's own terms. */
  long at(long nanoTime) {
    return nanoTime - origin;
  }

  /** So long after a moment; {@link Lifetime#NEVER} if that is beyond counting. */
  static long after(long moment, Duration duration) {
    boolean countable = duration.compareTo(Duration.ofNanos(Lifetime.NEVER - moment)) < 0;
    return countable ? moment + duration.toNanos() : Lifetime.NEVER;
  }
}
