package dev.millrace.cli;

import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.util.JsonFormat;
import dev.millrace.client.ClientSettings;
import dev.millrace.client.MillraceClient;
import dev.millrace.client.Target;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.Usage;
import java.io.IOException;
import java.util.List;

/**
 * One run of {@code generate}: from the options to a stream on standard output, cleaned up however
 * it ends.
 */
final class Generation {
  private static final JsonFormat.Printer JSON =
      JsonFormat.printer().omittingInsignificantWhitespace().preservingProtoFieldNames();

  private final Streams streams;
  private final GenerateCommand options;

  Generation(Streams streams, GenerateCommand options) {
    this.streams = streams;
    this.options = options;
  }

  /**
   * @param targets none: a server is started for this run
   */
  int run(List<Target> targets) throws IOException {
    GenerateRequest.Builder request = request();
    if (!targets.isEmpty()) {
      return stream(request.setModel(options.model).build(), targets);
    }
    try (Distribution.EmbeddedServer server = options.startServer()) {
      return stream(request.build(), List.of(new Target("127.0.0.1", server.port())));
    }
  }

  private GenerateRequest.Builder request() throws IOException {
    GenerateRequest.Builder request =
        GenerateRequest.newBuilder()
            .setText(options.promptText())
            .setParseSpecialTokens(options.parseSpecial);
    request.getStopBuilder().setMaxTokens(options.maxTokens).addAllSequences(options.stop);
    if (options.temperature != null) {
      request.getSamplingBuilder().setTemperature(options.temperature);
    }
    if (options.seed != null) {
      request.getSamplingBuilder().setSeed(options.seed);
    }
    return request;
  }

  private int stream(GenerateRequest request, List<Target> targets) throws IOException {
    long begin = System.nanoTime();
    long firstToken = 0;
    Usage usage = Usage.getDefaultInstance();
    try (Interruption interruption = Interruption.watch();
        MillraceClient client = MillraceClient.connect(targets, ClientSettings.defaults())) {
      // One event ahead of what is written: who doesn't read our output stops the generation.
      for (GenerateResponse event :
          client.generate(request).takeUntilOther(interruption.stop()).toIterable(1)) {
        print(event);
        if (firstToken == 0 && event.getDelta().getTokenIdsCount() > 0) {
          firstToken = System.nanoTime();
        }
        usage = event.hasSummary() ? event.getSummary().getUsage() : usage;
      }
      if (!options.json) {
        streams.print("\n");
      }
      if (interruption.interrupted()) {
        return ExitCode.INTERRUPTED;
      }
    }
    if (options.stats) {
      printStats(usage, firstToken - begin, System.nanoTime() - firstToken);
    }
    return ExitCode.OK;
  }

  private void print(GenerateResponse event) throws IOException {
    if (options.json) {
      streams.print(json(event) + "\n");
    } else if (event.hasDelta() && !event.getDelta().getText().isEmpty()) {
      streams.print(event.getDelta().getText());
    }
  }

  private static String json(GenerateResponse event) throws InvalidProtocolBufferException {
    return JSON.print(event);
  }

  private void printStats(Usage usage, long untilFirstNanos, long afterwardsNanos) {
    streams
        .err()
        .printf(
            "millrace: %d prompt tokens, %d of them cached; %d new tokens; the first after %.3f s,"
                + " then %.1f tokens/s%n",
            usage.getPromptTokens(),
            usage.getCachedPromptTokens(),
            usage.getCompletionTokens(),
            untilFirstNanos / 1e9,
            Math.max(0, usage.getCompletionTokens() - 1) * 1e9 / afterwardsNanos);
  }
}
