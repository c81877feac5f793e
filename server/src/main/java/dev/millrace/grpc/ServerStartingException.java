package dev.millrace.grpc;

/** Asked for a model before the models are loaded and warm. */
final class ServerStartingException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  ServerStartingException() {
    super("the server is starting; its models aren't ready yet");
  }
}
