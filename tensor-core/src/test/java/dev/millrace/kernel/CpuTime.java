package dev.millrace.kernel;

import com.sun.management.ThreadMXBean;
import java.lang.management.ManagementFactory;

/** Times calls by what they take of this thread's CPU, which other work beside hardly changes. */
final class CpuTime {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final long ROUND_NANOS = 30_000_000;
  private static final int ROUNDS = 3;

  /** What C2 takes to have compiled a kernel of the Vector API. */
  static final long WARM_UP_NANOS = 1_000_000_000;

  /**
   * @param nanos of one call
   * @param allocated bytes on the heap by one call
   */
  record Measured(double nanos, long allocated) {}

  private CpuTime() {}

  /** The best of some rounds, after one that warms up. */
  static Measured of(Runnable call, int callsPerLookAtTheClock, long warmUpNanos) {
    round(call, callsPerLookAtTheClock, warmUpNanos);
    Measured best = new Measured(Double.MAX_VALUE, 0);
    for (int i = 0; i < ROUNDS; i++) {
      Measured round = round(call, callsPerLookAtTheClock, ROUND_NANOS);
      best = round.nanos < best.nanos ? round : best;
    }
    return best;
  }

  private static Measured round(Runnable call, int callsPerLookAtTheClock, long atLeast) {
    long bytes = THREADS.getCurrentThreadAllocatedBytes();
    long start = THREADS.getCurrentThreadCpuTime();
    long calls = 0;
    long nanos;
    do {
      for (int i = 0; i < callsPerLookAtTheClock; i++) {
        call.run();
      }
      calls += callsPerLookAtTheClock;
      nanos = THREADS.getCurrentThreadCpuTime() - start;
    } while (nanos < atLeast);
    long allocated = (THREADS.getCurrentThreadAllocatedBytes() - bytes) / calls;
    return new Measured((double) nanos / calls, allocated);
  }
}
