package dev.millrace.pipeline;

import org.jspecify.annotations.Nullable;

/** By which the output of one request is ended with what there is, by any thread, at any time. */
public final class InterruptHandle {
  private boolean interrupted;
  private @Nullable Runnable action;

  public synchronized void interrupt() {
    interrupted = true;
    if (action != null) {
      action.run();
    }
  }

  /** What is to be done; at once, if it was wanted before. */
  synchronized void bind(Runnable interruption) {
    action = interruption;
    if (interrupted) {
      interruption.run();
    }
  }
}
