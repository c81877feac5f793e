package dev.millrace.cli;

import dev.millrace.client.Target;
import java.io.IOException;
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
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The options of {@code generate}; {@link Generation} does the work. */
@Command(
    name = "generate",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Generates text from a prompt, and prints it as it comes.",
      "Text goes to standard output, all else to standard error. Without --target it starts a"
          + " server inside itself. Ctrl-C cancels the call on the server."
    })
final class GenerateCommand implements Callable<Integer> {
  private final Streams streams;
  private final ServerOptions server;

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "PROMPT",
      arity = "0..1",
      description = "The text to continue; - reads it from standard input.")
  private @Nullable String prompt;

  @Option(
      names = "--model",
      paramLabel = "M",
      description =
          "Model: a name that the server knows; without --target also a path to a .gguf,"
              + " hf:owner/repo/file.gguf or synthetic:SHAPE[:TYPE]. Default: the server's.")
  private String model = "";

  @Option(
      names = "--target",
      paramLabel = "HOST:PORT",
      description =
          "A running server; several, between commas, are tried in turn, also when one goes away in"
              + " mid-stream.")
  private @Nullable String target;

  @Mixin KeyOption apiKey = new KeyOption();

  @ArgGroup(exclusive = false, validate = false, heading = "%nThe prompt:%n")
  PromptOptions from = new PromptOptions();

  @ArgGroup(exclusive = false, validate = false, heading = "%nSampling:%n")
  SamplingOptions sampling = new SamplingOptions();

  @ArgGroup(exclusive = false, validate = false, heading = "%nThe end:%n")
  StopOptions stop = new StopOptions();

  @ArgGroup(exclusive = false, validate = false, heading = "%nThe output's form:%n")
  FormatOptions format = new FormatOptions();

  @ArgGroup(exclusive = false, validate = false, heading = "%nWhat is printed:%n")
  TellOptions tell = new TellOptions();

  @ArgGroup(exclusive = false, validate = false, heading = "%nAmong other requests:%n")
  QueueOptions queue = new QueueOptions();

  private GenerateCommand(Streams streams, Optional<Distribution> distribution) {
    this.streams = streams;
    this.server = new ServerOptions(distribution);
  }

  /** With the options of the distribution's own server, where there is one. */
  static CommandLine commandLine(Streams streams, Optional<Distribution> distribution) {
    GenerateCommand command = new GenerateCommand(streams, distribution);
    return command.server.addTo(CommandSpec.forAnnotatedObject(command));
  }

  @Override
  public Integer call() throws IOException {
    check();
    List<Target> targets = server.targets(spec.commandLine(), target);
    return new Generation(streams, this).run(server, spec.commandLine(), targets, model);
  }

  /** What only the command line can know: the server checks the rest. */
  private void check() {
    int prompts = (prompt == null ? 0 : 1) + from.count();
    if (prompts != 1) {
      throw invalid(
          "give one of PROMPT, --file, --token-ids and --messages; " + prompts + " are given");
    }
    if (from.messages == null
        && (from.tools != null || from.noGenerationPrompt || !from.templateArguments.isEmpty())) {
      throw invalid("--tools, --template-arguments and --no-generation-prompt need --messages");
    }
    if (format.count() > 1) {
      throw invalid(
          "give one of --json-schema, --json-object, --regex, --grammar and --choice at most");
    }
    if (stop.maxTokens < 1) {
      throw invalid("--max-tokens is " + stop.maxTokens + "; it must be at least 1");
    }
    if (!tell.tokens && !tell.promptTokens && (tell.logprobs != null || tell.topCandidates > 0)) {
      throw invalid("--logprobs and --top-candidates are of tokens: add --tokens");
    }
  }

  private ParameterException invalid(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  String promptText() throws IOException {
    return from.text(prompt, streams.in());
  }
}
