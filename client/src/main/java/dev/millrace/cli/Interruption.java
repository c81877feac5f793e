package dev.millrace.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import reactor.core.publisher.Mono;
import reactor.core.publisher.Sinks;

/**
 * Ctrl-C, or SIGTERM: tells the work at hand to stop, and keeps the process until that has been
 * cleaned up, for some seconds at most.
 */
final class Interruption implements AutoCloseable {
  private static final int SECONDS_TO_CLEAN_UP = 5;

  private final Sinks.Empty<Void> stop = Sinks.empty();
  private final CountDownLatch cleanedUp = new CountDownLatch(1);
  private final Thread hook = new Thread(this::interrupt, "millrace-interrupted");
  private volatile boolean interrupted;

  private Interruption() {}

  /** Open until the work is cleaned up; closing it lets the process end. */
  static Interruption watch() {
    Interruption interruption = new Interruption();
    Runtime.getRuntime().addShutdownHook(interruption.hook);
    return interruption;
  }

  /** Completes when the work is to stop. */
  Mono<Void> stop() {
    return stop.asMono();
  }

  boolean interrupted() {
    return interrupted;
  }

  void interrupt() {
    interrupted = true;
    stop.tryEmitEmpty().orThrow();
    try {
      if (!cleanedUp.await(SECONDS_TO_CLEAN_UP, TimeUnit.SECONDS)) {
        System.err.println("millrace: gave up cleaning up after " + SECONDS_TO_CLEAN_UP + " s");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    cleanedUp.countDown();
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The process is ending, and the hook has just been told.
    }
  }
}
