package dev.millrace.client;

import io.grpc.Deadline;
import io.grpc.Status;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import reactor.core.publisher.Mono;
import reactor.util.retry.Retry;

/**
 * The tries that one request takes: which target is asked next, after how long, and when to give
 * up. Used by one thread at a time.
 */
final class Attempts {
  private static final Logger log = LoggerFactory.getLogger(Attempts.class);

  private final Channels channels;
  private final ClientSettings.Retries retries;
  private final @Nullable Deadline deadline;
  private final LongSupplier events;
  private final BooleanSupplier hasOutput;
  private Channels.Choice choice;
  private int failedInARow;
  private long eventsAtLastFailure;

  /**
   * @param events how many have arrived by now, over all tries
   * @param hasOutput whether any of it has been generated
   */
  Attempts(
      Channels channels,
      ClientSettings.Retries retries,
      @Nullable Deadline deadline,
      LongSupplier events,
      BooleanSupplier hasOutput) {
    this.channels = channels;
    this.retries = retries;
    this.deadline = deadline;
    this.events = events;
    this.hasOutput = hasOutput;
    this.choice = channels.current();
  }

  Channels.Choice choice() {
    return choice;
  }

  /**
   * @param canGoOn whether a further try can take over from what has arrived
   */
  Retry policy(BooleanSupplier canGoOn) {
    return Retry.from(
        failures ->
            failures.concatMap(
                signal ->
                    canGoOn.getAsBoolean() ? next(signal.failure()) : Mono.error(signal.failure()),
                1));
  }

  private Mono<Long> next(Throwable failure) {
    if (events.getAsLong() > eventsAtLastFailure) {
      failedInARow = 0;
    }
    eventsAtLastFailure = events.getAsLong();
    failedInARow++;
    Optional<Duration> wait =
        failure instanceof MillraceException e && failedInARow < retries.tries()
            ? wait(e)
            : Optional.empty();
    if (wait.isEmpty() || !beforeDeadline(wait.get())) {
      return Mono.error(failure);
    }
    Channels.Choice failed = choice;
    choice = channels.after(failed);
    log.info(
        "{} failed after {} events ({}); trying {} in {} ms",
        failed.target(),
        eventsAtLastFailure,
        failure.getMessage(),
        choice.target(),
        wait.get().toMillis());
    return Mono.delay(wait.get());
  }

  /** How long until it can be tried again; empty when it can't. */
  private Optional<Duration> wait(MillraceException failure) {
    if (failure.isServerGone()) {
      return Optional.of(backoff());
    }
    if (failure.code() == Status.Code.RESOURCE_EXHAUSTED) {
      Duration longest =
          hasOutput.getAsBoolean() ? longestWithOutput() : retries.longestRetryAfter();
      return failure
          .retryAfter()
          .filter(after -> after.compareTo(longest) <= 0)
          .map(after -> after.plus(backoff()));
    }
    return Optional.empty();
  }

  /** What has been generated is worth a wait for a full queue, as long as any other. */
  private Duration longestWithOutput() {
    return Collections.max(List.of(retries.longestRetryAfter(), retries.longestBackoff()));
  }

  private Duration backoff() {
    double doubled = Math.scalb((double) retries.firstBackoff().toNanos(), failedInARow - 1);
    long most = (long) Math.min(doubled, (double) retries.longestBackoff().toNanos());
    return Duration.ofNanos(ThreadLocalRandom.current().nextLong(most / 2, most + 1));
  }

  private boolean beforeDeadline(Duration wait) {
    return deadline == null || deadline.timeRemaining(TimeUnit.NANOSECONDS) > wait.toNanos();
  }
}
