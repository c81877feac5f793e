package dev.millrace.engine;

import java.time.Duration;
import java.time.Instant;

/** Time that a test moves. Starts where nanoseconds wrap around, which must not matter. */
final class VirtualClock implements EngineClock {
  private static final long START = Long.MAX_VALUE - 1_000_000_000L;
  private long elapsed;

  void advance(Duration duration) {
    elapsed += duration.toNanos();
  }

  /** Since the start. */
  long elapsed() {
    return elapsed;
  }

  @Override
  public long nanoTime() {
    return START + elapsed;
  }

  @Override
  public Instant instant() {
    return Instant.EPOCH.plusNanos(elapsed);
  }
}
