package dev.millrace.client;

import io.grpc.Status;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import reactor.core.Disposable;
import reactor.core.Disposables;
import reactor.core.publisher.Operators;
import reactor.core.scheduler.Schedulers;

/**
 * Finds out that a stream brings nothing although its reader waits. A reader that doesn't ask makes
 * no silence. Looks four times a timeout, so that an event costs no timer.
 */
final class SilenceWatch {
  private final long timeoutNanos;
  private final Consumer<Throwable> onSilence;
  private final AtomicLong outstanding = new AtomicLong();
  private volatile long quietSince = System.nanoTime();
  private final Disposable.Swap looking = Disposables.swap();

  SilenceWatch(Duration timeout, Consumer<Throwable> onSilence) {
    this.timeoutNanos = timeout.toNanos();
    this.onSilence = onSilence;
    long period = Math.max(1, timeoutNanos / 4);
    looking.update(
        Schedulers.parallel()
            .schedulePeriodically(this::look, period, period, TimeUnit.NANOSECONDS));
  }

  /** The reader asks for this many more. */
  void wanted(long n) {
    if (outstanding.get() == 0) {
      quietSince = System.nanoTime();
    }
    outstanding.getAndUpdate(o -> Operators.addCap(o, n));
  }

  void arrived() {
    quietSince = System.nanoTime();
    outstanding.decrementAndGet();
  }

  void end() {
    looking.dispose();
  }

  private void look() {
    if (outstanding.get() > 0 && System.nanoTime() - quietSince > timeoutNanos) {
      end();
      onSilence.accept(
          new MillraceException(
              Status.Code.UNAVAILABLE,
              "the server sent nothing for " + Duration.ofNanos(timeoutNanos)));
    }
  }
}
