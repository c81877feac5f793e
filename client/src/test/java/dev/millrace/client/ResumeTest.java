package dev.millrace.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import io.grpc.Status;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Flux;

/** A stream whose server goes away goes on elsewhere: the same events, none twice, none missing. */
class ResumeTest {
  private static final ClientSettings FAST =
      ClientSettings.builder()
          .retries(
              new ClientSettings.Retries(
                  4, Duration.ofMillis(1), Duration.ofMillis(20), Duration.ZERO))
          .deadline(Duration.ofSeconds(20))
          .build();

  private static List<GenerateResponse> undisturbed(GenerateRequest request) {
    return Flux.fromIterable(() -> FakeModel.events(request)).collectList().block();
  }

  private static MillraceClient client(FakeServer... servers) {
    return MillraceClient.connect(List.of(servers).stream().map(FakeServer::target).toList(), FAST);
  }

  @Test
  void aStreamCutAtAnyEventGoesOnAtTheNextServer() throws Exception {
    GenerateRequest request = FakeModel.request(9).toBuilder().setCandidateCount(3).build();
    List<GenerateResponse> expected = undisturbed(request);
    AtomicInteger cutAfter = new AtomicInteger();
    try (FakeServer dying =
            new FakeServer(
                asked -> FakeServer.Answer.cut(asked, cutAfter.get(), Status.UNAVAILABLE));
        FakeServer living = new FakeServer(FakeServer.Answer::whole)) {
      for (int events = 0; events <= expected.size(); events++) {
        cutAfter.set(events);
        try (MillraceClient client = client(dying, living)) {
          assertSameInAnyOrderOfCandidates(
              client.generate(request).collectList().block(), expected, events);
        }
      }
      assertThat(dying.requests).hasSize(expected.size() + 1);
      assertThat(living.requests)
          .as("asked to go on, but not after the last event")
          .hasSize(expected.size());
      assertThat(living.requests.getFirst()).isEqualTo(request);
    }
  }

  private static void assertSameInAnyOrderOfCandidates(
      List<GenerateResponse> actual, List<GenerateResponse> expected, int cutAfter) {
    assertThat(actual.stream().map(GenerateResponse::getSequenceNumber))
        .as("numbers, cut after %s events", cutAfter)
        .isEqualTo(expected.stream().map(GenerateResponse::getSequenceNumber).toList());
    assertThat(byCandidate(actual))
        .as("cut after %s events", cutAfter)
        .isEqualTo(byCandidate(expected));
  }

  private static Map<Integer, List<GenerateResponse>> byCandidate(List<GenerateResponse> events) {
    return events.stream()
        .map(event -> event.toBuilder().clearSequenceNumber().build())
        .collect(Collectors.groupingBy(ResumeTest::candidate));
  }

  private static int candidate(GenerateResponse event) {
    return switch (event.getEventCase()) {
      case DELTA -> event.getDelta().getCandidate();
      case FINISHED -> event.getFinished().getCandidate();
      default -> -1;
    };
  }

  @Test
  void severalCandidatesThatBreakAgainAndAgainAreWhole() throws Exception {
    GenerateRequest request = FakeModel.request(30).toBuilder().setCandidateCount(3).build();
    Random random = new Random(6);
    try (FakeServer one = new FakeServer(asked -> cutSomewhere(asked, random));
        FakeServer other = new FakeServer(asked -> cutSomewhere(asked, random));
        MillraceClient client = client(one, other)) {
      assertSameInAnyOrderOfCandidates(
          client.generate(request).collectList().block(), undisturbed(request), 1);
    }
  }

  @Test
  void aStreamThatBreaksAgainAndAgainIsWhole() throws Exception {
    GenerateRequest request = FakeModel.request(100);
    Random random = new Random(4);
    try (FakeServer one = new FakeServer(asked -> cutSomewhere(asked, random));
        FakeServer other = new FakeServer(asked -> cutSomewhere(asked, random));
        MillraceClient client = client(one, other)) {
      assertThat(client.generate(request).collectList().block()).isEqualTo(undisturbed(request));
      assertThat(one.requests.size() + other.requests.size()).isGreaterThan(8);
    }
  }

  private static FakeServer.Answer cutSomewhere(GenerateRequest request, Random random) {
    return FakeServer.Answer.cut(request, 1 + random.nextInt(10), Status.UNAVAILABLE);
  }

  @Test
  void aConnectionLostWithoutAFarewellIsTakenUpAgain() throws Exception {
    GenerateRequest request = FakeModel.request(2000);
    try (FakeServer first = new FakeServer(FakeServer.Answer::whole);
        Relay wire = new Relay(first.target());
        FakeServer second = new FakeServer(FakeServer.Answer::whole);
        MillraceClient client =
            MillraceClient.connect(List.of(wire.target(), second.target()), FAST)) {
      List<GenerateResponse> events = new ArrayList<>();
      client
          .generate(request)
          .limitRate(1)
          .doOnNext(
              event -> {
                events.add(event);
                if (events.size() == 500) {
                  wire.cut();
                }
              })
          .blockLast();
      assertThat(events).isEqualTo(undisturbed(request));
      assertThat(second.requests).singleElement().matches(GenerateRequest::hasResume);
    }
  }

  @Test
  void aServerStoppedByForceIsTakenForLost() throws Exception {
    GenerateRequest request = FakeModel.request(2000);
    try (FakeServer first = new FakeServer(FakeServer.Answer::whole);
        FakeServer second = new FakeServer(FakeServer.Answer::whole);
        MillraceClient client = client(first, second)) {
      List<GenerateResponse> events = new ArrayList<>();
      client
          .generate(request)
          .limitRate(1)
          .doOnNext(
              event -> {
                events.add(event);
                if (events.size() == 500) {
                  first.stopNow();
                }
              })
          .blockLast();
      assertThat(events).isEqualTo(undisturbed(request));
    }
  }

  @Test
  void aHalfOpenConnectionIsFoundByKeepAlive() throws Exception {
    GenerateRequest request = FakeModel.request(2000);
    ClientSettings settings =
        ClientSettings.builder()
            // gRPC takes no less than 10 s.
            .keepAlive(Duration.ofSeconds(10), Duration.ofMillis(300))
            .retries(FAST.retries())
            .build();
    try (FakeServer first = new FakeServer(FakeServer.Answer::whole);
        Relay wire = new Relay(first.target());
        FakeServer second = new FakeServer(FakeServer.Answer::whole);
        MillraceClient client =
            MillraceClient.connect(List.of(wire.target(), second.target()), settings)) {
      List<GenerateResponse> events = new ArrayList<>();
      client
          .generate(request)
          .limitRate(1)
          .doOnNext(
              event -> {
                events.add(event);
                if (events.size() == 500) {
                  wire.freeze();
                }
              })
          .blockLast(Duration.ofSeconds(60));
      assertThat(events).isEqualTo(undisturbed(request));
    }
  }

  @Test
  void aServerThatFallsSilentIsTakenForLostWhenAskedTo() throws Exception {
    GenerateRequest request = FakeModel.request(5);
    ClientSettings settings =
        ClientSettings.builder()
            .silenceTimeout(Duration.ofMillis(200))
            .retries(FAST.retries())
            .build();
    try (FakeServer silent = new FakeServer(asked -> FakeServer.Answer.silentAfter(asked, 4));
        FakeServer living = new FakeServer(FakeServer.Answer::whole);
        MillraceClient client =
            MillraceClient.connect(List.of(silent.target(), living.target()), settings)) {
      assertThat(client.generate(request).collectList().block(Duration.ofSeconds(20)))
          .isEqualTo(undisturbed(request));
      assertThat(silent.cancelledWithin(Duration.ofSeconds(10))).isTrue();
    }
  }

  @Test
  void aStreamWithoutAResumeTokenFailsWithWhatBrokeIt() throws Exception {
    GenerateRequest request = FakeModel.request(5);
    try (FakeServer first =
            new FakeServer(
                asked ->
                    new FakeServer.Answer(
                        withoutToken(FakeModel.events(asked)), Status.UNAVAILABLE.asException()));
        FakeServer second = new FakeServer(FakeServer.Answer::whole);
        MillraceClient client = client(first, second)) {
      MillraceException failure =
          catchThrowableOfType(
              MillraceException.class, () -> client.generate(request).collectList().block());
      assertThat(failure.code()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(second.requests).isEmpty();
    }
  }

  private static Iterator<GenerateResponse> withoutToken(Iterator<GenerateResponse> events) {
    GenerateResponse started = events.next();
    return List.of(
            started.toBuilder()
                .setStarted(started.getStarted().toBuilder().clearResumeToken())
                .build())
        .iterator();
  }

  @Test
  void whatTheCallerResumesIsResumedFurther() throws Exception {
    GenerateRequest request = FakeModel.request(20);
    Progress before = new Progress(request);
    Flux.fromIterable(() -> FakeModel.events(request)).take(7).doOnNext(before::accept).blockLast();
    try (FakeServer dying =
            new FakeServer(asked -> FakeServer.Answer.cut(asked, 5, Status.UNAVAILABLE));
        FakeServer living = new FakeServer(FakeServer.Answer::whole);
        MillraceClient client = client(dying, living)) {
      List<GenerateResponse> expected = undisturbed(request);
      assertThat(client.generate(before.nextRequest()).collectList().block())
          .isEqualTo(expected.subList(7, expected.size()));
    }
  }

  @Test
  void anEventRepeatedOrLostIsAnError() throws Exception {
    GenerateRequest request = FakeModel.request(5);
    for (long number : new long[] {2, 4}) {
      List<GenerateResponse> events = new ArrayList<>(undisturbed(request).subList(0, 3));
      events.add(events.getLast().toBuilder().setSequenceNumber(number).build());
      try (FakeServer wrong =
              new FakeServer(
                  asked -> new FakeServer.Answer(events.iterator(), Status.OK.asException()));
          MillraceClient client = client(wrong)) {
        MillraceException failure =
            catchThrowableOfType(
                MillraceException.class, () -> client.generate(request).collectList().block());
        assertThat(failure.code()).isEqualTo(Status.Code.INTERNAL);
        assertThat(failure).hasMessageContaining("event " + number + " arrived where 3 was due");
      }
    }
  }

  @Test
  void anEndWithoutASummaryIsAnError() throws Exception {
    try (FakeServer wrong = new FakeServer(asked -> FakeServer.Answer.cut(asked, 4, Status.OK));
        MillraceClient client = client(wrong)) {
      MillraceException failure =
          catchThrowableOfType(
              MillraceException.class,
              () -> client.generate(FakeModel.request(5)).collectList().block());
      assertThat(failure).hasMessageContaining("without its summary, after 4 events");
    }
  }

  @Test
  void aReaderOfOneAtATimeGetsEachOnceAcrossServers() throws Exception {
    GenerateRequest request = FakeModel.request(30);
    Random random = new Random(5);
    try (FakeServer one = new FakeServer(asked -> cutSomewhere(asked, random));
        FakeServer other = new FakeServer(asked -> cutSomewhere(asked, random));
        MillraceClient client = client(one, other)) {
      assertThat(client.generate(request).limitRate(1).collectList().block())
          .isEqualTo(undisturbed(request));
    }
  }
}
