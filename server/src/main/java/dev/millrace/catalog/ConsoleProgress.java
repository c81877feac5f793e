package dev.millrace.catalog;

import java.io.PrintStream;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.ValueLayout;
import java.time.Duration;

/**
 * Shows downloads to a person, on standard error: a line that renews itself on a terminal, a line
 * now and then elsewhere, without control codes.
 */
public final class ConsoleProgress implements FetchProgress {
  private static final Duration TERMINAL_INTERVAL = Duration.ofMillis(200);
  private static final Duration LOG_INTERVAL = Duration.ofSeconds(5);
  private static final String ERASE_LINE = "\r\u001b[K";
  private static final int STANDARD_ERROR = 2;

  private final PrintStream out;
  private final boolean terminal;
  private long lastShown;
  private boolean lineOpen;

  ConsoleProgress(PrintStream out, boolean terminal) {
    this.out = out;
    this.terminal = terminal;
    this.lastShown = System.nanoTime();
  }

  /** On this process's standard error. */
  public static ConsoleProgress onStandardError() {
    return new ConsoleProgress(System.err, isTerminal());
  }

  @Override
  public synchronized void note(String line) {
    closeLine();
    out.println(line);
    out.flush();
  }

  @Override
  public synchronized void transferred(String file, long bytes, long total) {
    long now = System.nanoTime();
    Duration interval = terminal ? TERMINAL_INTERVAL : LOG_INTERVAL;
    boolean complete = bytes == total;
    if (!complete && now - lastShown < interval.toNanos()) {
      return;
    }
    lastShown = now;
    String line = "%s: %d of %d MiB".formatted(file, bytes >> 20, total >> 20);
    if (terminal) {
      out.print(ERASE_LINE + line);
      lineOpen = true;
      if (complete) {
        closeLine();
      }
    } else {
      out.println(line);
    }
    out.flush();
  }

  private void closeLine() {
    if (lineOpen) {
      out.println();
      lineOpen = false;
    }
  }

  /** Java knows of standard input and output only: asks the C library, where there is one. */
  @SuppressWarnings("restricted")
  private static boolean isTerminal() {
    Linker linker = Linker.nativeLinker();
    return linker
        .defaultLookup()
        .find("isatty")
        .map(
            isatty -> {
              try {
                return (int)
                        linker
                            .downcallHandle(
                                isatty,
                                FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT))
                            .invokeExact(STANDARD_ERROR)
                    == 1;
              } catch (Throwable e) {
                throw new IllegalStateException("isatty failed", e);
              }
            })
        .orElse(false);
  }
}
