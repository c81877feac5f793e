package dev.millrace.bench;

import dev.millrace.client.ClientSettings;
import dev.millrace.client.MillraceClient;
import dev.millrace.v1.GenerateRequest;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicBoolean;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * Loads a server: in a closed loop, or with arrivals that don't wait for answers. What it measures
 * is what a caller sees, on this machine's clock.
 */
public final class Bench {
  /** Requests under way at the same time in an open loop; one that is due then waits. */
  private static final int MAX_UNDER_WAY = 10_000;

  private static final int WARMUP_STREAMS = 8;

  private Bench() {}

  /**
   * Runs to the end, or until told to stop. Failures of requests are counted, none is tried again.
   *
   * @param stop what has been measured until it signals is reported
   * @throws dev.millrace.client.MillraceException if the server can't be asked about its model
   * @throws IOException if a recording can't be read
   */
  public static BenchReport run(BenchSettings settings, Mono<Void> stop) throws IOException {
    List<PlannedRequest> plan = plan(settings);
    // Recording doesn't block: it may run on the event loop, and every hop would be measured too.
    ClientSettings client =
        ClientSettings.builder()
            .retries(ClientSettings.Retries.NONE)
            .apiKey(settings.apiKey())
            .channel(NettyChannelBuilder::directExecutor)
            .build();
    try (MillraceClient connected = MillraceClient.connect(settings.targets(), client)) {
      return run(settings, plan, connected, stop);
    }
  }

  private static List<PlannedRequest> plan(BenchSettings settings) throws IOException {
    return switch (settings.load()) {
      case Load.Closed _ -> Collections.nCopies(settings.requests(), now(settings));
      case Load.Replay replay -> Trace.read(replay, settings.requests());
      case Load.Poisson poisson -> {
        SplittableRandom random = new SplittableRandom(settings.seed());
        List<PlannedRequest> plan = new ArrayList<>();
        double seconds = 0;
        for (int i = 0; i < settings.requests(); i++) {
          Duration due = Duration.ofNanos((long) (seconds * 1e9));
          plan.add(PlannedRequest.of(due, settings.promptTokens(), settings.maxTokens()));
          seconds += random.nextExponential() / poisson.perSecond();
        }
        yield plan;
      }
    };
  }

  private static PlannedRequest now(BenchSettings settings) {
    return PlannedRequest.of(Duration.ZERO, settings.promptTokens(), settings.maxTokens());
  }

  private static BenchReport run(
      BenchSettings settings, List<PlannedRequest> plan, MillraceClient client, Mono<Void> stop) {
    String model = client.getModel(settings.model()).blockOptional().orElseThrow().getName();
    Prompts prompts = Prompts.ask(client, settings);
    AtomicBoolean stopped = new AtomicBoolean();
    Mono<Void> stopping = stop.doOnTerminate(() -> stopped.set(true)).cache();

    int streams = settings.load() instanceof Load.Closed closed ? closed.streams() : WARMUP_STREAMS;
    Measurements thrownAway = new Measurements(System::nanoTime, settings.goodput());
    Flux.range(-settings.warmup(), settings.warmup())
        .flatMap(
            number -> {
              GenerateRequest request = request(settings, prompts, number, now(settings));
              return Mono.defer(() -> make(request, client, thrownAway.new Request()));
            },
            streams,
            1)
        .takeUntilOther(stopping)
        .blockLast();

    Measurements measured = new Measurements(System::nanoTime, settings.goodput());
    long begin = System.nanoTime();
    Flux<Integer> numbers = Flux.range(0, plan.size());
    boolean closedLoop = settings.load() instanceof Load.Closed;
    (closedLoop ? numbers : numbers.concatMap(number -> when(begin, plan.get(number), number), 1))
        .flatMap(
            number -> {
              PlannedRequest planned = plan.get(number);
              GenerateRequest request = request(settings, prompts, number, planned);
              return Mono.defer(
                  () ->
                      make(
                          request,
                          client,
                          closedLoop
                              ? measured.new Request()
                              : measured.new Request(begin + planned.due().toNanos())));
            },
            closedLoop ? streams : MAX_UNDER_WAY,
            1)
        .takeUntilOther(stopping)
        .blockLast();
    return measured.report(settings, model, System.nanoTime() - begin, stopped.get());
  }

  /** The number, when its request is due. */
  private static Mono<Integer> when(long begin, PlannedRequest planned, int number) {
    long left = begin + planned.due().toNanos() - System.nanoTime();
    return left <= 0 ? Mono.just(number) : Mono.delay(Duration.ofNanos(left)).thenReturn(number);
  }

  private static GenerateRequest request(
      BenchSettings settings, Prompts prompts, int number, PlannedRequest planned) {
    GenerateRequest.Builder request =
        GenerateRequest.newBuilder()
            .setModel(settings.model())
            .setTokenIds(prompts.prompt(number, planned));
    request.getStopBuilder().setMaxTokens(planned.maxTokens()).setIgnoreEos(true);
    return request.build();
  }

  /** Never fails: failures are counted. */
  private static Mono<Void> make(
      GenerateRequest request, MillraceClient client, Measurements.Request measured) {
    return client
        .generate(request)
        .doOnNext(measured::event)
        .doOnComplete(measured::finish)
        .doOnError(measured::fail)
        .onErrorComplete()
        .then();
  }
}
