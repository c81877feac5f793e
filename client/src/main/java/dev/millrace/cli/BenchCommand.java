package dev.millrace.cli;

import dev.millrace.bench.Bench;
import dev.millrace.bench.BenchReport;
import dev.millrace.bench.BenchSettings;
import dev.millrace.bench.Goodput;
import dev.millrace.bench.Load;
import dev.millrace.client.Target;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
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
          + " its request has ended; or, with --rate or --trace, requests that arrive whatever"
          + " becomes of those before them.",
      "Prints time to first token and time between tokens at p50, p90 and p99, tokens/s, and errors"
          + " by code. Ctrl-C prints what there is. Exit code 1 if no request finished."
    })
final class BenchCommand implements Callable<Integer> {
  private static final int DEFAULT_STREAMS = 8;
  private static final int MOST_REQUESTS = 1_000_000;

  private final Streams streams;

  @Spec private CommandSpec spec;

  @Option(
      names = "--target",
      paramLabel = "HOST:PORT",
      required = true,
      description = "The server.")
  private String target = "";

  @Mixin KeyOption apiKey = new KeyOption();

  @Option(names = "--model", paramLabel = "M", description = "Default: the server's.")
  private String model = "";

  @Option(
      names = "--streams",
      paramLabel = "N",
      description = "Requests under way at any time. Default: 8.")
  private @Nullable Integer streamCount;

  @Option(
      names = "--rate",
      paramLabel = "R",
      description =
          "Requests a second that arrive at random (a Poisson process), in place of --streams."
              + " Times count from when each was due.")
  private @Nullable Double rate;

  @Option(
      names = "--trace",
      paramLabel = "FILE",
      description =
          "Replays recorded arrivals and lengths, in place of --streams: the Azure Public Dataset's"
              + " CSV, or Mooncake's lines of JSON, whose common prefixes are kept.")
  private @Nullable Path trace;

  @Option(
      names = "--speed",
      paramLabel = "X",
      description = "How many times as fast a trace is replayed. Default: ${DEFAULT-VALUE}.")
  private double speed = 1;

  @Option(
      names = "--lengths",
      paramLabel = "X",
      description =
          "What a trace's prompts and answers are shortened to, as a part of their lengths."
              + " Default: ${DEFAULT-VALUE}.")
  private double lengths = 1;

  @Option(
      names = "--goodput",
      paramLabel = "ttft:MS,...",
      description =
          "Counts requests that keep what is given of ttft (time to first token), tpot (mean time"
              + " of each token behind it) and e2el (the whole request), in milliseconds.")
  private @Nullable String goodput;

  @Option(
      names = "--requests",
      paramLabel = "N",
      description =
          "Requests in all. Default: eight times --streams, or a minute of --rate; of a trace,"
              + " all.")
  private @Nullable Integer requests;

  @Option(
      names = "--warmup",
      paramLabel = "N",
      description = "Requests before those, that aren't measured. Default: as --streams, or 8.")
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
      description = "Of prompts and random arrivals. Default: ${DEFAULT-VALUE}.")
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

  private Load load(int streams) {
    int given = (streamCount == null ? 0 : 1) + (rate == null ? 0 : 1) + (trace == null ? 0 : 1);
    if (given > 1) {
      throw new IllegalArgumentException("only one of --streams, --rate and --trace can be given");
    }
    if (rate != null) {
      return new Load.Poisson(rate);
    }
    return trace != null ? new Load.Replay(trace, speed, lengths) : new Load.Closed(streams);
  }

  private static int requestsOf(Load load) {
    return switch (load) {
      case Load.Closed closed -> 8 * closed.streams();
      case Load.Poisson poisson -> (int) Math.clamp(60 * poisson.perSecond(), 1, MOST_REQUESTS);
      case Load.Replay _ -> MOST_REQUESTS;
    };
  }

  private BenchSettings settings() {
    try {
      int streams = streamCount == null ? DEFAULT_STREAMS : streamCount;
      Load load = load(streams);
      return new BenchSettings(
          Target.parseAll(target),
          apiKey.key(),
          model,
          load,
          requests == null ? requestsOf(load) : requests,
          warmup == null ? streams : warmup,
          promptTokens,
          maxTokens,
          seed,
          goodput == null ? Goodput.ANY : Goodput.parse(goodput));
    } catch (IllegalArgumentException e) {
      throw new ParameterException(spec.commandLine(), String.valueOf(e.getMessage()), e);
    }
  }
}
