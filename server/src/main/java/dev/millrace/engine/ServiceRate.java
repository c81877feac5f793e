package dev.millrace.engine;

/**
 * How fast sequences are served, measured. By Little's law, when r run together and each takes s
 * seconds, r / s of them end every second, and as many of those that wait are started.
 */
final class ServiceRate {
  /** A mean over about the last 8 sequences: follows a change of load within seconds. */
  private static final double WEIGHT = 1.0 / 8;

  private double meanSeconds; // from start to end; 0 until one has ended

  void ended(long servedNanos) {
    double seconds = servedNanos / 1e9;
    meanSeconds = meanSeconds == 0 ? seconds : meanSeconds + WEIGHT * (seconds - meanSeconds);
  }

  /** How long a request that came now would wait: until all before it and itself have a place. */
  double predictedQueueSeconds(int waiting, int running, int maxRunning) {
    boolean startsAtOnce = waiting == 0 && running < maxRunning;
    return startsAtOnce ? 0 : (waiting + 1) * meanSeconds / Math.max(1, running);
  }
}
