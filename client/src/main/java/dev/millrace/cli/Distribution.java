package dev.millrace.cli;

import java.util.List;

/**
 * What a distribution adds to the command line, found by {@link java.util.ServiceLoader}: the
 * client alone talks to running servers; with the server beside it, it can start one inside itself.
 */
public interface Distribution {
  /**
   * Starts a server for one command, listening on a free loopback port.
   *
   * @param model as {@code --model} has it; empty is the default model
   */
  EmbeddedServer start(String model);

  /** Further picocli commands: serve, tokenize, models, ... */
  List<Object> commands();

  /** A running server of this process. */
  interface EmbeddedServer extends AutoCloseable {
    int port();

    @Override
    void close();
  }
}
