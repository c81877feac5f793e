package dev.millrace.cli;

import dev.millrace.client.Target;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options of {@code chat}; {@link ChatLoop} does the work. */
@Command(
    name = "chat",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Talks with a model, line by line; /help tells the commands.",
      "Answers go to standard output, all else to standard error. Lines may come from a terminal or"
          + " a pipe. Ctrl-C interrupts the answer, not the program."
    })
final class ChatCommand implements Callable<Integer> {
  private final Streams streams;
  private final ServerOptions server;

  @Spec private CommandSpec spec;

  @Option(
      names = "--model",
      paramLabel = "M",
      description =
          "Model: a name that the server knows; without --target also a path to a .gguf,"
              + " hf:owner/repo/file.gguf or synthetic:SHAPE[:TYPE]. Default: the server's.")
  private String model = "";

  @Option(names = "--target", paramLabel = "HOST:PORT", description = "A running server.")
  private @Nullable String target;

  @Mixin KeyOption apiKey = new KeyOption();

  @Option(names = "--system", paramLabel = "TEXT", description = "What the model is told first.")
  String system = "";

  @Option(
      names = "--load",
      paramLabel = "F.json",
      description = "Goes on from a conversation that /save wrote.")
  @Nullable Path load;

  @Option(
      names = "--pick",
      description = "Shows the likeliest tokens one by one, and asks which to take.")
  boolean pick;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "At most so many tokens an answer. Default: ${DEFAULT-VALUE}.")
  int maxTokens = 512;

  @Option(
      names = "--json",
      description = "Prints one event a line, as JSON: the fields of ConverseResponse.")
  boolean json;

  @ArgGroup(exclusive = false, validate = false, heading = "%nSampling:%n")
  SamplingOptions sampling = new SamplingOptions();

  private ChatCommand(Streams streams, Optional<Distribution> distribution) {
    this.streams = streams;
    this.server = new ServerOptions(distribution);
  }

  static CommandLine commandLine(Streams streams, Optional<Distribution> distribution) {
    ChatCommand command = new ChatCommand(streams, distribution);
    return command.server.addTo(CommandSpec.forAnnotatedObject(command));
  }

  @Override
  public Integer call() throws IOException {
    if (maxTokens < 1) {
      throw new ParameterException(
          spec.commandLine(), "--max-tokens is " + maxTokens + "; it must be at least 1");
    }
    List<Target> targets = server.targets(spec.commandLine(), target);
    return server.run(spec.commandLine(), targets, model, this::run);
  }

  private int run(List<Target> targets, String modelToAskFor) throws IOException {
    try (Lines lines = Lines.open(streams);
        Conversation conversation = new Conversation(targets, modelToAskFor, this)) {
      new ChatLoop(streams, lines, conversation, this).run();
    }
    return ExitCode.OK;
  }
}
