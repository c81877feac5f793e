package dev.millrace.catalog;

/**
 * A model that can't be had: a reference that means nothing, a file that isn't there, a download
 * that failed. The message says what was tried and what can be done.
 */
public final class ModelUnavailableException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ModelUnavailableException(String message) {
    super(message);
  }

  public ModelUnavailableException(String message, Throwable cause) {
    super(message, cause);
  }
}
