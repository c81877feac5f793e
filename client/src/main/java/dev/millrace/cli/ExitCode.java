package dev.millrace.cli;

/** What the process ends with. */
final class ExitCode {
  static final int OK = 0;
  static final int FAILED = 1;
  static final int USAGE = 2;

  /** 128 + SIGINT, as the JVM itself ends after a signal. */
  static final int INTERRUPTED = 130;

  /** 128 + SIGPIPE: whoever read our output has gone. */
  static final int BROKEN_PIPE = 141;

  private ExitCode() {}
}
