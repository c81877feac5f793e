package dev.millrace.bench;

import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;

/**
 * What a request must keep to count as good, in milliseconds; what isn't named is free. By the
 * names that the field's load harnesses use.
 */
public record Goodput(Map<Metric, Double> limits) {
  /** Nothing is asked. */
  public static final Goodput ANY = new Goodput(Map.of());

  /** What can be limited. */
  public enum Metric {
    /** Time to first token. */
    TTFT,
    /** Time per output token behind the first: the request's mean. */
    TPOT,
    /** End-to-end latency: the whole request's time. */
    E2EL
  }

  public Goodput {
    limits = Map.copyOf(limits);
  }

  /**
   * Reads {@code ttft:500,tpot:50}.
   *
   * @throws IllegalArgumentException saying what is allowed
   */
  public static Goodput parse(String text) {
    Map<Metric, Double> limits = new EnumMap<>(Metric.class);
    for (String part : text.split(",", -1)) {
      String[] words = part.split(":", -1);
      try {
        double millis = Double.parseDouble(words[1]);
        if (words.length == 2 && millis > 0) {
          limits.put(Metric.valueOf(words[0].strip().toUpperCase(Locale.ROOT)), millis);
          continue;
        }
      } catch (IllegalArgumentException | ArrayIndexOutOfBoundsException e) {
        // Said below, with what is allowed.
      }
      throw new IllegalArgumentException(
          "--goodput is \""
              + text
              + "\"; allowed are ttft, tpot and e2el with milliseconds above 0,"
              + " like ttft:500,tpot:50");
    }
    return new Goodput(limits);
  }

  /**
   * Whether a finished request was good.
   *
   * @param firstNanos until its first token
   * @param tokens that it brought: at least 1
   */
  boolean met(long firstNanos, long allNanos, long tokens) {
    double perToken = tokens > 1 ? (double) (allNanos - firstNanos) / (tokens - 1) : 0;
    return within(Metric.TTFT, (double) firstNanos)
        && within(Metric.TPOT, perToken)
        && within(Metric.E2EL, (double) allNanos);
  }

  private boolean within(Metric metric, double nanos) {
    return nanos <= limits.getOrDefault(metric, Double.POSITIVE_INFINITY) * 1e6;
  }
}
