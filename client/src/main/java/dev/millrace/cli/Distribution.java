package dev.millrace.cli;

import java.util.List;
import java.util.Map;
import picocli.CommandLine.Model.OptionSpec;

/**
 * What a distribution adds to the command line, found by {@link java.util.ServiceLoader}: the
 * client alone talks to running servers; with the server beside it, it can start one inside itself.
 *
 * <p>It is made whenever the command line starts, also for {@code --help}: what it needs for
 * serving is loaded by {@link #start} and by the commands once they run, not before.
 */
public interface Distribution {
  /**
   * The options that {@link #start} heeds besides the model: where models are kept, threads, ...
   * Commands that start a server show and take them. Each is of type String, or a list of them.
   */
  List<OptionSpec> serverOptions();

  /**
   * Starts a server for one command, listening on a free loopback port, and returns once it serves.
   * Tells of its progress on standard error. Registers no shutdown hook: whoever called closes it.
   *
   * @param model as {@code --model} has it; empty is the default model
   * @param flags the texts given for each of {@link #serverOptions}, by its first name: {@code
   *     "--threads" -> ["2"]}
   * @throws RuntimeException if that can't be; its message is for the user
   */
  EmbeddedServer start(String model, Map<String, List<String>> flags);

  /**
   * Further picocli commands: serve, tokenize, models, ... What they throw is told to the user by
   * its message alone.
   */
  List<Object> commands();

  /** A running server of this process. */
  interface EmbeddedServer extends AutoCloseable {
    int port();

    @Override
    void close();
  }
}
