package dev.millrace.bench;

import dev.millrace.client.ClientSettings;
import dev.millrace.client.MillraceClient;
import dev.millrace.v1.GenerateRequest;
import io.grpc.netty.NettyChannelBuilder;
import java.util.concurrent.atomic.AtomicBoolean;
import reactor.core.publisher.Flux;
import reactor.core.publisher.Mono;

/**
 * A closed loop: so many streams, each of which asks again as soon as its request has ended. What
 * it measures is what a caller sees, on this machine's clock.
 */
public final class Bench {
  private Bench() {}

  /**
   * Runs to the end, or until told to stop. Failures of requests are counted, none is tried again.
   *
   * @param stop what has been measured until it signals is reported
   * @throws dev.millrace.client.MillraceException if the server can't be asked about its model
   */
  public static BenchReport run(BenchSettings settings, Mono<Void> stop) {
    // Recording doesn't block: it may run on the event loop, and every hop would be measured too.
    ClientSettings client =
        ClientSettings.builder()
            .retries(ClientSettings.Retries.NONE)
            .channel(NettyChannelBuilder::directExecutor)
            .build();
    try (MillraceClient connected = MillraceClient.connect(settings.targets(), client)) {
      return run(settings, connected, stop);
    }
  }

  private static BenchReport run(BenchSettings settings, MillraceClient client, Mono<Void> stop) {
    String model = client.getModel(settings.model()).blockOptional().orElseThrow().getName();
    Prompts prompts = Prompts.ask(client, settings);
    AtomicBoolean stopped = new AtomicBoolean();
    Mono<Void> stopping = stop.doOnTerminate(() -> stopped.set(true)).cache();

    Measurements thrownAway = new Measurements(System::nanoTime);
    loop(settings, client, prompts, -settings.warmup(), settings.warmup(), thrownAway)
        .takeUntilOther(stopping)
        .blockLast();

    Measurements measured = new Measurements(System::nanoTime);
    long begin = System.nanoTime();
    loop(settings, client, prompts, 0, settings.requests(), measured)
        .takeUntilOther(stopping)
        .blockLast();
    return measured.report(settings, model, System.nanoTime() - begin, stopped.get());
  }

  private static Flux<Void> loop(
      BenchSettings settings,
      MillraceClient client,
      Prompts prompts,
      int firstNumber,
      int count,
      Measurements measurements) {
    return Flux.range(firstNumber, count)
        .flatMap(
            number -> one(settings, client, prompts, number, measurements), settings.streams(), 1);
  }

  /** Never fails: failures are counted. */
  private static Mono<Void> one(
      BenchSettings settings,
      MillraceClient client,
      Prompts prompts,
      int number,
      Measurements measurements) {
    return Mono.defer(
        () -> {
          GenerateRequest.Builder request =
              GenerateRequest.newBuilder()
                  .setModel(settings.model())
                  .setTokenIds(prompts.prompt(number));
          request.getStopBuilder().setMaxTokens(settings.maxTokens()).setIgnoreEos(true);
          Measurements.Request measured = measurements.new Request();
          return client
              .generate(request.build())
              .doOnNext(measured::event)
              .doOnComplete(measured::finish)
              .doOnError(measured::fail)
              .onErrorComplete()
              .then();
        });
  }
}
