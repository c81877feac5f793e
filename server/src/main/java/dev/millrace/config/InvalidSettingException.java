package dev.millrace.config;

/** A setting that can't be used. The message names where it came from and what is allowed. */
public final class InvalidSettingException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public InvalidSettingException(String source, String problem) {
    super(source + ": " + problem);
  }
}
