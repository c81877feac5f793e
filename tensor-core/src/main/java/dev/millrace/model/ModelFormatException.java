package dev.millrace.model;

/**
 * A model file that can't be used. The message names the key or tensor at fault and what is
 * allowed.
 */
public final class ModelFormatException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public ModelFormatException(String message) {
    super(message);
  }

  public ModelFormatException(String message, Throwable cause) {
    super(message, cause);
  }
}
