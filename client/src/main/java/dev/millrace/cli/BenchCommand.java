package dev.millrace.cli;

import dev.millrace.bench.Bench;
import dev.millrace.bench.BenchReport;
import dev.millrace.bench.BenchSettings;
import dev.millrace.client.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** The options of {@code bench}. */
@Command(
    name = "bench",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Measures a running server under load: so many streams, each of which asks again as soon as"
          + " its request has ended.",
      "Prints time to first token and time between tokens at p50, p90 and p99, tokens/s, and errors"
          + " by code. Ctrl-C prints what there is. Exit code 1 if no request finished."
    })
final class BenchCommand implements Callable<Integer> {
  private final Streams streams;

  @Spec private CommandSpec spec;

  @Option(
      names = "--target",
      paramLabel = "HOST:PORT",
      required = true,
      description = "The server.")
  private String target = "";

  @Option(names = "--model", paramLabel = "M", description = "Default: the server's.")
  private String model = "";

  @Option(
      names = "--streams",
      paramLabel = "N",
      description = "Requests under way at any time. Default: ${DEFAULT-VALUE}.")
  private int streamCount = 8;

  @Option(
      names = "--requests",
      paramLabel = "N",
      description = "Requests in all. Default: eight times --streams.")
  private @Nullable Integer requests;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      description = "Requests before those, that aren't measured. Default: as --streams.")
  private @Nullable Integer warmup;

  @Option(
      names = "--prompt-tokens",
      paramLabel = "N",
      description =
          "Length of each prompt, of random ids as ordinary text has them. Default:"
              + " ${DEFAULT-VALUE}.")
  private int promptTokens = 128;

  @Option(
      names = "--max-tokens",
      paramLabel = "N",
      description =
          "Tokens that each request generates, also past the end of its text. Default:"
              + " ${DEFAULT-VALUE}.")
  private int maxTokens = 64;

  @Option(
      names = "--seed",
      paramLabel = "N",
      description = "Of the prompts. Default: ${DEFAULT-VALUE}.")
  private long seed = 1;

  @Option(
      names = "--json",
      paramLabel = "FILE",
      description = "Writes the report there too; - prints it instead of the table.")
  private @Nullable String json;

  BenchCommand(Streams streams) {
    this.streams = streams;
  }

  @Override
  public Integer call() throws IOException {
    BenchReport report;
    boolean interrupted;
    try (Interruption interruption = Interruption.watch()) {
      report = Bench.run(settings(), interruption.stop());
      interrupted = interruption.interrupted();
      streams.print("-".equals(json) ? report.json() : report.table());
      if (json != null && !json.equals("-")) {
        Files.writeString(Path.of(json), report.json());
      }
    }
    if (interrupted) {
      return ExitCode.INTERRUPTED;
    }
    return report.finished() == 0 ? ExitCode.FAILED : ExitCode.OK;
  }

  private BenchSettings settings() {
    try {
      return new BenchSettings(
          Target.parseAll(target),
          model,
          streamCount,
          requests == null ? 8 * streamCount : requests,
          warmup == null ? streamCount : warmup,
          promptTokens,
          maxTokens,
          seed);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }
}
