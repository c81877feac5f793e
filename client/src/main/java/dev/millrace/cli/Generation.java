package dev.millrace.cli;

import com.google.protobuf.util.JsonFormat;
import dev.millrace.client.ClientSettings;
import dev.millrace.client.MillraceClient;
import dev.millrace.client.Target;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.Usage;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import reactor.core.Exceptions;
import reactor.core.publisher.Signal;

/**
 * One run of {@code generate}: from the options to a stream on standard output, cleaned up however
 * it ends.
 */
final class Generation {
  private static final JsonFormat.Printer JSON =
      JsonFormat.printer().omittingInsignificantWhitespace().preservingProtoFieldNames();

  private final Streams streams;
  private final GenerateCommand options;
  private boolean printed;

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
    Speed speed = new Speed();
    try (Interruption interruption = Interruption.watch();
        MillraceClient client = MillraceClient.connect(targets, ClientSettings.defaults())) {
      // One event ahead of what is written: who doesn't read our output stops the generation.
      // As signals, because toIterable lets a failure overtake the events before it.
      for (Signal<GenerateResponse> signal :
          client
              .generate(request)
              .takeUntilOther(interruption.stop())
              .materialize()
              .toIterable(1)) {
        GenerateResponse event = signal.get();
        if (event != null) {
          speed.note(event);
          print(event);
        } else if (signal.getThrowable() != null) {
          endText();
          throw Exceptions.propagate(signal.getThrowable());
        }
      }
      endText();
      if (options.stats) {
        streams.err().println("millrace: " + speed);
      }
      return interruption.interrupted() ? ExitCode.INTERRUPTED : ExitCode.OK;
    }
  }

  private void endText() throws IOException {
    if (printed) {
      streams.print("\n");
    }
  }

  private void print(GenerateResponse event) throws IOException {
    if (options.json) {
      streams.print(JSON.print(event) + "\n");
    } else if (!event.getDelta().getText().isEmpty()) {
      streams.print(event.getDelta().getText());
      printed = true;
    }
  }

  /** How fast tokens came, and how many. */
  private static final class Speed {
    private final long begin = System.nanoTime();
    private long first;
    private long last;
    private int tokens;
    private int firstTokens;
    private Usage usage = Usage.getDefaultInstance();

    void note(GenerateResponse event) {
      usage = event.hasSummary() ? event.getSummary().getUsage() : usage;
      int count = event.getDelta().getTokenIdsCount();
      if (count == 0) {
        return;
      }
      last = System.nanoTime();
      if (tokens == 0) {
        first = last;
        firstTokens = count;
      }
      tokens += count;
    }

    @Override
    public String toString() {
      String prompt =
          "%d prompt tokens, %d of them cached; %d new tokens"
              .formatted(usage.getPromptTokens(), usage.getCachedPromptTokens(), tokens);
      if (tokens == 0) {
        return prompt;
      }
      String untilFirst =
          String.format(Locale.ROOT, "; the first after %.3f s", (first - begin) / 1e9);
      return tokens == firstTokens
          ? prompt + untilFirst
          : prompt
              + untilFirst
              + String.format(
                  Locale.ROOT,
                  ", then %.1f tokens/s",
                  (tokens - firstTokens) * 1e9 / (last - first));
    }
  }
}
