package dev.millrace.catalog;

/** What exceptions say to people. */
final class Failures {
  private Failures() {}

  /**
   * The message, with the exception's kind: many I/O exceptions' message is a mere path, or null.
   */
  static String describe(Throwable e) {
    String kind = e.getClass().getSimpleName().replaceFirst("Exception$", "");
    String message = e.getMessage();
    if (message == null) {
      return e.getCause() == null ? kind : kind + ": " + describe(e.getCause());
    }
    return message.contains(" ") ? message : kind + ": " + message;
  }
}
