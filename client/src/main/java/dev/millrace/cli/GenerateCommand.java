package dev.millrace.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.ITypeConverter;
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
  /** Of a prompt from standard input; a server's own limit may be lower. */
  private static final int MAX_PROMPT_BYTES = 16 << 20;

  private final Streams streams;
  private final ServerOptions server;

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "PROMPT",
      description = "The text to continue; - reads it from standard input.")
  private String prompt;

  @Option(
      names = "--model",
      paramLabel = "M",
      description =
          "Model: a name that the server knows; without --target also a path to a .gguf,"
              + " hf:owner/repo/file.gguf or synthetic:SHAPE[:TYPE]. Default: the server's.")
  String model = "";

  @Option(
      names = "--target",
      paramLabel = "HOST:PORT",
      description =
          "A running server; several, between commas, are tried in turn, also when one goes away in"
              + " mid-stream.")
  private @Nullable String target;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description = "At most so many new tokens. Default: ${DEFAULT-VALUE}.")
  int maxTokens = 256;

  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "0 always takes the likeliest token. Default: the model's own, else 0.")
  @Nullable Float temperature;

  @Option(
      names = "--seed",
      paramLabel = "N",
      converter = Unsigned.class,
      description = "The same seed gives the same text. Default: drawn by the server.")
  @Nullable Long seed;

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "Ends the output where this text would come. Can be given several times.")
  List<String> stop = List.of();

  @Option(
      names = "--parse-special",
      description =
          "Reads special tokens' own texts in the prompt, like <|im_start|>, as those tokens.")
  boolean parseSpecial;

  @Option(
      names = "--json",
      description =
          "Prints one event a line, as JSON: the fields of GenerateResponse by their names in"
              + " the API, those at their default left out.")
  boolean json;

  @Option(names = "--stats", description = "Tells counts and speed at the end, on standard error.")
  boolean stats;

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
    if (maxTokens < 1) {
      throw invalid("--max-tokens is " + maxTokens + "; it must be at least 1");
    }
    return new Generation(streams, this).run(server.targets(spec.commandLine(), target));
  }

  private ParameterException invalid(String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  Distribution.EmbeddedServer startServer() {
    return server.start(spec.commandLine(), model);
  }

  String promptText() throws IOException {
    if (!prompt.equals("-")) {
      return prompt;
    }
    byte[] bytes = streams.in().readNBytes(MAX_PROMPT_BYTES + 1);
    if (bytes.length > MAX_PROMPT_BYTES) {
      throw new IOException(
          "the prompt on standard input is longer than " + MAX_PROMPT_BYTES + " bytes");
    }
    return new String(bytes, StandardCharsets.UTF_8);
  }

  /** Any 64 bits, written without a sign. */
  static final class Unsigned implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      return Long.parseUnsignedLong(text);
    }
  }
}
