package dev.millrace.json;

/** A text that is no JSON document, or one beyond the reader's limits; says where. */
public final class JsonException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  /**
   * @param offset in characters
   */
  JsonException(int offset, String message) {
    super("at character " + offset + ": " + message);
  }
}
