package dev.millrace.kernel;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.function.LongSupplier;

/**
 * Tells a team's caller when to work alone, because others want the cores: a member that another
 * process has driven from its core in the middle of a part holds up everybody for milliseconds, and
 * a member that spins holds up one that waits for the same core. Both show as time in which the
 * caller neither works nor spins. Alone it does one member's work in all of the time; so it had
 * better, where the team loses more than what the others add. For one thread at a time.
 */
final class CoreWatch {
  /** Some turns of a scheduler: one stall is no reason yet. */
  private static final long WINDOW_NANOS = 20_000_000;

  /** Of what the others add, that may be lost: less than all, since spinning isn't seen. */
  private static final double TOLERATED = 0.8;

  /** How long to work alone before trying again: the longer, the more often it was in vain. */
  private static final long MIN_ALONE_NANOS = 10_000_000;

  private static final long MAX_ALONE_NANOS = 320_000_000;

  /** Of calm runs one in so many is timed: that costs up to a microsecond. */
  private static final int SAMPLING = 8;

  private final double toleratedPart; // of the time
  private final LongSupplier clock;
  private final LongSupplier cpuClock;
  private long aloneUntil;
  private long aloneNanos; // 0 after a calm window
  private long runs;
  private boolean timed;
  private long begunAt;
  private long begunCpu;
  private long watched; // nanoseconds of this window
  private long lost;

  /**
   * @param members of the team
   * @param clock nanoseconds
   * @param cpuClock nanoseconds that the calling thread has had a core; negative where nobody
   *     counts them, as of a virtual thread
   */
  CoreWatch(int members, LongSupplier clock, LongSupplier cpuClock) {
    toleratedPart = TOLERATED * (members - 1) / members;
    this.clock = clock;
    this.cpuClock = cpuClock;
  }

  static CoreWatch ofThisMachine(int members) {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    return threads.isCurrentThreadCpuTimeSupported()
        ? new CoreWatch(members, System::nanoTime, threads::getCurrentThreadCpuTime)
        : new CoreWatch(members, () -> 0, () -> 0); // never sees time go by
  }

  /** Whether the caller had better do all parts of this run. */
  boolean alone() {
    return aloneNanos > 0 && clock.getAsLong() - aloneUntil < 0;
  }

  /** A run of the team begins. */
  void begin() {
    timed = aloneNanos > 0 || runs++ % SAMPLING == 0;
    if (timed) {
      begunAt = clock.getAsLong();
      begunCpu = cpuClock.getAsLong();
    }
  }

  /** The run has ended. */
  void end() {
    if (!timed) {
      return;
    }
    if (begunCpu < 0) {
      return;
    }
    long cpu = cpuClock.getAsLong() - begunCpu;
    long now = clock.getAsLong();
    watched += now - begunAt;
    lost += now - begunAt - cpu;
    if (watched < WINDOW_NANOS) {
      return;
    }
    if (lost > watched * toleratedPart) {
      aloneNanos = Math.clamp(aloneNanos * 2, MIN_ALONE_NANOS, MAX_ALONE_NANOS);
      aloneUntil = now + aloneNanos;
    } else {
      aloneNanos = 0;
    }
    watched = 0;
    lost = 0;
  }
}
