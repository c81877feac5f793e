package dev.millrace.bench;

import dev.millrace.client.MillraceException;
import dev.millrace.v1.GenerateResponse;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.LongSupplier;
import org.HdrHistogram.ConcurrentHistogram;
import org.HdrHistogram.Histogram;

/** What the requests of a run measured, while it runs. Safe for use by many threads. */
final class Measurements {
  /** Failures of one kind, and what the first of them said. */
  record Errors(long count, String firstMessage) {}

  private final LongSupplier nanoTime;
  private final Goodput goodput;
  private final Histogram timeToFirstToken = microseconds();
  private final Histogram timeBetweenTokens = microseconds();
  private final Histogram requestTime = microseconds();
  private final LongAdder tokens = new LongAdder();
  private final LongAdder finished = new LongAdder();
  private final LongAdder good = new LongAdder();
  private final Map<String, Errors> errors = new ConcurrentSkipListMap<>();

  Measurements(LongSupplier nanoTime, Goodput goodput) {
    this.nanoTime = nanoTime;
    this.goodput = goodput;
  }

  /** Up to an hour, to three digits. */
  private static Histogram microseconds() {
    return new ConcurrentHistogram(TimeUnit.HOURS.toMicros(1), 3);
  }

  private static void record(Histogram histogram, long nanos, long count) {
    long micros = TimeUnit.NANOSECONDS.toMicros(nanos);
    histogram.recordValueWithCount(Math.min(micros, histogram.getHighestTrackableValue()), count);
  }

  /** One request's clock; its events come one after another. */
  final class Request {
    private final long begin;
    private long first;
    private long last;
    private long own; // tokens

    /** From now on. */
    Request() {
      this(nanoTime.getAsLong());
    }

    /**
     * From when it was due: if it was made late, that is a part of its time.
     *
     * @param begin in nanoTime's terms
     */
    Request(long begin) {
      this.begin = begin;
    }

    /**
     * Counts tokens, not messages: a message may carry several, and then the time since the one
     * before is shared among them.
     */
    void event(GenerateResponse event) {
      int count = event.getDelta().getTokenIdsCount();
      if (count == 0) {
        return;
      }
      tokens.add(count);
      long now = nanoTime.getAsLong();
      if (own > 0) {
        record(timeBetweenTokens, (now - last) / count, count);
      } else {
        record(timeToFirstToken, now - begin, 1);
        first = now;
      }
      own += count;
      last = now;
    }

    void finish() {
      long now = nanoTime.getAsLong();
      record(requestTime, now - begin, 1);
      finished.increment();
      if (own > 0 && goodput.met(first - begin, now - begin, own)) {
        good.increment();
      }
    }

    void fail(Throwable failure) {
      String kind =
          failure instanceof MillraceException e
              ? e.code().name()
              : failure.getClass().getSimpleName();
      errors.merge(
          kind,
          new Errors(1, String.valueOf(failure.getMessage())),
          (before, one) -> new Errors(before.count() + 1, before.firstMessage()));
    }
  }

  BenchReport report(BenchSettings settings, String model, long nanos, boolean interrupted) {
    return new BenchReport(
        settings,
        model,
        nanos / 1e9,
        interrupted,
        finished.sum(),
        good.sum(),
        tokens.sum(),
        BenchReport.Latency.of(timeToFirstToken),
        BenchReport.Latency.of(timeBetweenTokens),
        BenchReport.Latency.of(requestTime),
        Map.copyOf(errors));
  }
}
