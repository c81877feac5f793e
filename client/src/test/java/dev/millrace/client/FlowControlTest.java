package dev.millrace.client;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.BaseSubscriber;
import reactor.core.publisher.Flux;
import reactor.test.StepVerifier;

/** Demand, cancellation and deadlines, as far as the server. */
class FlowControlTest {
  /** As Millrace's own server has it. */
  private static final int READY_THRESHOLD = 256;

  private static final GenerateRequest ENDLESS = FakeModel.request(1 << 24);

  private static FakeServer server() throws Exception {
    return new FakeServer(FakeServer.Answer::whole, READY_THRESHOLD, 0);
  }

  private static MillraceClient client(FakeServer server) {
    return MillraceClient.connect(List.of(server.target()), ClientSettings.defaults());
  }

  /** Takes so many events and then asks for no more. */
  private static final class Sleeper extends BaseSubscriber<GenerateResponse> {
    private final CountDownLatch left;

    Sleeper(int takes) {
      left = new CountDownLatch(takes);
    }

    @Override
    protected void hookOnSubscribe(org.reactivestreams.Subscription subscription) {
      request(1);
    }

    @Override
    protected void hookOnNext(GenerateResponse event) {
      left.countDown();
      if (left.getCount() > 0) {
        request(1);
      }
    }

    void awaitSleep() throws InterruptedException {
      assertThat(left.await(20, TimeUnit.SECONDS)).isTrue();
    }
  }

  /** Waits until the server has sent nothing for a while. */
  private static long sentOnceStill(FakeServer server) throws InterruptedException {
    long before = -1;
    for (int i = 0; i < 100 && server.sent.get() != before; i++) {
      before = server.sent.get();
      TimeUnit.MILLISECONDS.sleep(200);
    }
    return before;
  }

  @Test
  void theServerRunsAheadOfASleepingReaderByFewMessages() throws Exception {
    for (int takes : new int[] {1, 100, 1000}) {
      try (FakeServer server = server();
          MillraceClient client = client(server)) {
        Sleeper sleeper = new Sleeper(takes);
        client.generate(ENDLESS).subscribe(sleeper);
        sleeper.awaitSleep();
        long ahead = sentOnceStill(server) - takes;
        assertThat(ahead).isBetween(1L, 34L);
        sleeper.cancel();
      }
    }
  }

  @Test
  void manySleepersDontStopAReaderOnTheSameConnection() throws Exception {
    int sleepers = 300;
    try (FakeServer server = server();
        MillraceClient client = client(server)) {
      List<Sleeper> sleeping = new ArrayList<>();
      for (int i = 0; i < sleepers; i++) {
        Sleeper sleeper = new Sleeper(1);
        client.generate(ENDLESS).subscribe(sleeper);
        sleeping.add(sleeper);
      }
      for (Sleeper sleeper : sleeping) {
        sleeper.awaitSleep();
      }
      sentOnceStill(server);
      GenerateRequest request = FakeModel.request(20_000);
      assertThat(client.generate(request).count().block(Duration.ofSeconds(30)))
          .isEqualTo(FakeModel.eventCount(request));
      sleeping.forEach(Sleeper::cancel);
    }
  }

  /**
   * 64 streams of 12 KB: 24 round trips of 40 ms; with the connection's window as small as a
   * stream's, 1,400.
   */
  @Test
  void streamsDontShareOneStreamsWindow() throws Exception {
    GenerateRequest request = FakeModel.request(500);
    try (FakeServer server = server();
        Relay wire = new Relay(server.target(), Duration.ofMillis(20));
        MillraceClient client =
            MillraceClient.connect(List.of(wire.target()), ClientSettings.defaults())) {
      Flux.range(0, 64)
          .flatMap(i -> client.generate(request).then(), 64)
          .blockLast(Duration.ofSeconds(10));
    }
  }

  @Test
  void aMessageLargerThanTheWindowComesThrough() throws Exception {
    GenerateRequest request = FakeModel.request(1);
    List<GenerateResponse> large = new ArrayList<>();
    FakeModel.events(request).forEachRemaining(large::add);
    large.set(
        2,
        large.get(2).toBuilder()
            .setDelta(large.get(2).getDelta().toBuilder().setText("x".repeat(1 << 20)))
            .build());
    try (FakeServer server =
            new FakeServer(
                asked -> new FakeServer.Answer(large.iterator(), Status.OK.asException()));
        MillraceClient client = client(server)) {
      assertThat(client.generate(request).limitRate(1).collectList().block()).isEqualTo(large);
    }
  }

  @Test
  void cancellingReachesTheServer() throws Exception {
    try (FakeServer server = server();
        MillraceClient client = client(server)) {
      StepVerifier.create(client.generate(ENDLESS), 5).expectNextCount(5).thenCancel().verify();
      assertThat(server.cancelledWithin(Duration.ofSeconds(10))).isTrue();
    }
  }

  @Test
  void cancellingBeforeAnythingIsAskedForMakesNoCall() throws Exception {
    try (FakeServer server = server();
        MillraceClient client = client(server)) {
      client
          .generate(ENDLESS)
          .subscribe(
              new BaseSubscriber<>() {
                @Override
                protected void hookOnSubscribe(org.reactivestreams.Subscription subscription) {
                  cancel();
                }
              });
      GenerateRequest next = FakeModel.request(1);
      client.generate(next).blockLast();
      assertThat(server.requests).containsExactly(next);
    }
  }

  @Test
  void aDeadlineEndsTheStreamHereAndThere() throws Exception {
    ClientSettings settings = ClientSettings.builder().deadline(Duration.ofMillis(500)).build();
    try (FakeServer server = server();
        MillraceClient client = MillraceClient.connect(List.of(server.target()), settings)) {
      StepVerifier.create(client.generate(ENDLESS).then())
          .verifyErrorSatisfies(
              failure ->
                  assertThat(((MillraceException) failure).code())
                      .isEqualTo(Status.Code.DEADLINE_EXCEEDED));
      assertThat(server.cancelledWithin(Duration.ofSeconds(10))).isTrue();
    }
  }

  @Test
  void closingTheClientEndsWhatStillRuns() throws Exception {
    try (FakeServer server = server()) {
      MillraceClient client = client(server);
      Sleeper sleeper = new Sleeper(1);
      client.generate(ENDLESS).subscribe(sleeper);
      sleeper.awaitSleep();
      client.close();
      assertThat(server.cancelledWithin(Duration.ofSeconds(10))).isTrue();
    }
  }
}
