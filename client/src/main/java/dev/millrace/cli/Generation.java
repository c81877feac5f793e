package dev.millrace.cli;

import dev.millrace.client.ClientSettings;
import dev.millrace.client.MillraceClient;
import dev.millrace.client.Target;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.TokenIds;
import dev.millrace.v1.Usage;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine;
import reactor.core.Exceptions;
import reactor.core.publisher.Signal;

/**
 * One run of {@code generate}: from the options to a stream on standard output, cleaned up however
 * it ends.
 */
final class Generation {
  private final Streams streams;
  private final GenerateCommand options;

  Generation(Streams streams, GenerateCommand options) {
    this.streams = streams;
    this.options = options;
  }

  /** As {@link ServerOptions#run}. */
  int run(ServerOptions server, CommandLine line, List<Target> targets, String model)
      throws IOException {
    GenerateRequest.Builder request = request();
    return server.run(
        line, targets, model, (servers, name) -> stream(request.setModel(name).build(), servers));
  }

  private GenerateRequest.Builder request() throws IOException {
    GenerateRequest.Builder request =
        GenerateRequest.newBuilder()
            .setSampling(RequestMaker.sampling(options.sampling))
            .setStop(RequestMaker.stop(options.stop))
            .setOutput(RequestMaker.output(options.tell));
    RequestMaker.queue(options.queue, request);
    if (options.format.count() > 0) {
      request.setResponseFormat(RequestMaker.format(options.format));
    }
    if (options.from.messages != null) {
      request.setChat(RequestMaker.chat(options.from, options.from.messages));
    } else if (!options.from.tokenIds.isEmpty()) {
      request.setTokenIds(TokenIds.newBuilder().addAllIds(options.from.tokenIds));
    } else {
      request.setText(options.promptText()).setParseSpecialTokens(options.from.parseSpecial);
    }
    if (options.from.addSpecial != null) {
      request.setAddSpecialTokens(options.from.addSpecial);
    }
    return request;
  }

  private int stream(GenerateRequest request, List<Target> targets) throws IOException {
    ClientSettings settings = ClientSettings.builder().apiKey(options.apiKey.key()).build();
    Speed speed = new Speed();
    EventPrinter printer = EventPrinter.of(streams, options.tell, options.queue.candidates);
    try (Interruption interruption = Interruption.watch();
        MillraceClient client = MillraceClient.connect(targets, settings)) {
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
          printer.print(event);
        } else if (signal.getThrowable() != null) {
          printer.end();
          throw Exceptions.propagate(signal.getThrowable());
        }
      }
      printer.end();
      if (options.tell.stats) {
        streams.err().println(streams.palette().get().note("millrace: " + speed));
      }
      return interruption.interrupted() ? ExitCode.INTERRUPTED : ExitCode.OK;
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
