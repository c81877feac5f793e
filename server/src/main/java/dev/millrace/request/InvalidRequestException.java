package dev.millrace.request;

/** A request that can't be served as it is. Translated to a gRPC status once, at the door. */
public final class InvalidRequestException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  /** What kind of wrong; each is one gRPC status and one reason. */
  public enum Kind {
    /** A field is out of range, or contradicts another. */
    INVALID_ARGUMENT,
    /** The prompt has no room in the context or the KV pool, however long it waits. */
    NEVER_FITS,
    /** The field exists in the contract, but this server doesn't do it yet. */
    UNIMPLEMENTED,
    /** No such model or adapter. */
    NOT_FOUND,
    /** A resumption that was begun on another model or with other numerics. */
    FAILED_PRECONDITION,
    /** Too much of it at once. */
    RESOURCE_EXHAUSTED
  }

  private final Kind kind;
  private final String field;

  /**
   * @param field the field at fault, as protobuf's JSON paths have it in snake case: {@code
   *     sampling.temperature}
   * @param message what was wrong and what is allowed
   */
  public InvalidRequestException(Kind kind, String field, String message) {
    super(message);
    this.kind = kind;
    this.field = field;
  }

  public static InvalidRequestException invalid(String field, String message) {
    return new InvalidRequestException(Kind.INVALID_ARGUMENT, field, message);
  }

  /** For what the contract has and this server hasn't yet. */
  public static InvalidRequestException unimplemented(String field, String whatIs) {
    return new InvalidRequestException(Kind.UNIMPLEMENTED, field, "not done yet; " + whatIs);
  }

  /** The same of a request that is itself the field of another message. */
  public InvalidRequestException within(String outer) {
    InvalidRequestException exception =
        new InvalidRequestException(kind, outer + "." + field, String.valueOf(getMessage()));
    exception.setStackTrace(getStackTrace());
    return exception;
  }

  public Kind kind() {
    return kind;
  }

  public String field() {
    return field;
  }
}
