package dev.millrace.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.google.common.collect.Lists;
import com.google.protobuf.Any;
import com.google.rpc.ErrorInfo;
import com.google.rpc.RetryInfo;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.Usage;
import io.grpc.Metadata;
import io.grpc.Status;
import io.grpc.StatusException;
import io.grpc.protobuf.StatusProto;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What is tried again, what is passed on, and what a failure tells. */
class RetryTest {
  private static final GenerateRequest REQUEST = FakeModel.request(3);
  private static final ClientSettings FAST = settings(3, Duration.ZERO);

  private static ClientSettings settings(int tries, Duration longestRetryAfter) {
    return ClientSettings.builder()
        .retries(
            new ClientSettings.Retries(
                tries, Duration.ofMillis(1), Duration.ofMillis(20), longestRetryAfter))
        .build();
  }

  private static StatusException status(Status.Code code, Any... details) {
    return StatusProto.toStatusException(
        com.google.rpc.Status.newBuilder()
            .setCode(code.value())
            .setMessage("told so")
            .addAllDetails(List.of(details))
            .build());
  }

  private static Any retryIn(int millis) {
    return Any.pack(
        RetryInfo.newBuilder()
            .setRetryDelay(com.google.protobuf.Duration.newBuilder().setNanos(millis * 1_000_000))
            .build());
  }

  /** Refuses the first so many calls, then answers. */
  private static Function<GenerateRequest, FakeServer.Answer> refusing(
      int times, StatusException status) {
    AtomicInteger left = new AtomicInteger(times);
    return request ->
        left.getAndDecrement() > 0
            ? FakeServer.Answer.refused(status)
            : FakeServer.Answer.whole(request);
  }

  private static MillraceException failure(MillraceClient client) {
    return catchThrowableOfType(
        MillraceException.class, () -> client.generate(REQUEST).collectList().block());
  }

  @Test
  void aServerThatIsStartingIsAskedAgain() throws Exception {
    try (FakeServer server = new FakeServer(refusing(2, status(Status.Code.UNAVAILABLE)));
        MillraceClient client = MillraceClient.connect(List.of(server.target()), FAST)) {
      assertThat(client.generate(REQUEST).count().block()).isEqualTo(FakeModel.eventCount(REQUEST));
      assertThat(server.requests).containsExactly(REQUEST, REQUEST, REQUEST);
    }
  }

  @Test
  void triesAreBounded() throws Exception {
    try (FakeServer server = new FakeServer(refusing(99, status(Status.Code.UNAVAILABLE)));
        MillraceClient client = MillraceClient.connect(List.of(server.target()), FAST)) {
      assertThat(failure(client).code()).isEqualTo(Status.Code.UNAVAILABLE);
      assertThat(server.requests).hasSize(3);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Status.Code.class,
      mode = EnumSource.Mode.EXCLUDE,
      names = {"OK", "UNAVAILABLE"})
  void noOtherFailureIsTriedAgain(Status.Code code) throws Exception {
    Any reason = Any.pack(ErrorInfo.newBuilder().setReason("BECAUSE").build());
    try (FakeServer server = new FakeServer(refusing(1, status(code, reason)));
        MillraceClient client = MillraceClient.connect(List.of(server.target()), FAST)) {
      assertThat(failure(client).code()).isEqualTo(code);
      assertThat(server.requests).hasSize(1);
    }
  }

  @Test
  void aFullQueueIsAskedAgainWhenItSaysIfTheCallerWantsThat() throws Exception {
    ClientSettings patient = settings(3, Duration.ofSeconds(1));
    StatusException full = status(Status.Code.RESOURCE_EXHAUSTED, retryIn(150));
    try (FakeServer server = new FakeServer(refusing(1, full));
        MillraceClient client = MillraceClient.connect(List.of(server.target()), patient)) {
      long begin = System.nanoTime();
      assertThat(client.generate(REQUEST).count().block()).isEqualTo(FakeModel.eventCount(REQUEST));
      assertThat(System.nanoTime() - begin).isGreaterThanOrEqualTo(150_000_000L);
    }
  }

  @Test
  void aFullQueueThatAsksForTooLongIsPassedOn() throws Exception {
    ClientSettings hurried = settings(3, Duration.ofMillis(100));
    StatusException full = status(Status.Code.RESOURCE_EXHAUSTED, retryIn(150));
    try (FakeServer server = new FakeServer(refusing(1, full));
        MillraceClient client = MillraceClient.connect(List.of(server.target()), hurried)) {
      assertThat(failure(client).retryAfter()).contains(Duration.ofMillis(150));
      assertThat(server.requests).hasSize(1);
    }
  }

  @Test
  void aStreamThatHasTokensWaitsForAFullQueueInAnyCase() throws Exception {
    AtomicInteger calls = new AtomicInteger();
    try (FakeServer server =
            new FakeServer(
                asked ->
                    switch (calls.getAndIncrement()) {
                      case 0 -> FakeServer.Answer.cut(asked, 4, Status.UNAVAILABLE);
                      case 1 ->
                          FakeServer.Answer.refused(
                              status(Status.Code.RESOURCE_EXHAUSTED, retryIn(10)));
                      default -> FakeServer.Answer.whole(asked);
                    });
        MillraceClient client = MillraceClient.connect(List.of(server.target()), FAST)) {
      assertThat(client.generate(REQUEST).count().block()).isEqualTo(FakeModel.eventCount(REQUEST));
      assertThat(server.requests).hasSize(3);
    }
  }

  @Test
  void aWaitInTheQueueThatWasTooLongIsntBegunAgain() throws Exception {
    try (FakeServer server = new FakeServer(timingOutBehind(1));
        MillraceClient client = MillraceClient.connect(List.of(server.target()), FAST)) {
      assertThat(failure(client).reason()).isEqualTo("QUEUE_TIMEOUT");
      assertThat(server.requests).hasSize(1);
    }
  }

  @Test
  void aStreamThatHasATokenWaitsInTheQueueAgain() throws Exception {
    try (FakeServer server = new FakeServer(timingOutBehind(3));
        MillraceClient client = MillraceClient.connect(List.of(server.target()), FAST)) {
      assertThat(client.generate(REQUEST).count().block()).isEqualTo(FakeModel.eventCount(REQUEST));
      assertThat(server.requests).hasSize(2);
    }
  }

  /** The first call ends behind so many events; the next one would be answered. */
  private static Function<GenerateRequest, FakeServer.Answer> timingOutBehind(int events) {
    StatusException timeout =
        status(
            Status.Code.RESOURCE_EXHAUSTED,
            Any.pack(ErrorInfo.newBuilder().setReason("QUEUE_TIMEOUT").build()),
            retryIn(10));
    return asked ->
        asked.hasResume()
            ? FakeServer.Answer.whole(asked)
            : new FakeServer.Answer(
                Lists.newArrayList(FakeModel.events(asked)).subList(0, events).iterator(), timeout);
  }

  @Test
  void aWaitBeyondTheDeadlineIsntBegun() throws Exception {
    ClientSettings settings =
        ClientSettings.builder()
            .deadline(Duration.ofSeconds(5))
            .retries(
                new ClientSettings.Retries(
                    3, Duration.ofMinutes(1), Duration.ofMinutes(1), Duration.ZERO))
            .build();
    try (FakeServer server = new FakeServer(refusing(1, status(Status.Code.UNAVAILABLE)));
        MillraceClient client = MillraceClient.connect(List.of(server.target()), settings)) {
      assertThat(failure(client).code()).isEqualTo(Status.Code.UNAVAILABLE);
    }
  }

  @Test
  void whenNobodyListensTheNextTargetsTurnComesAndStays() throws Exception {
    try (FakeServer server = new FakeServer(FakeServer.Answer::whole);
        MillraceClient client = MillraceClient.connect(List.of(nobody(), server.target()), FAST)) {
      for (int i = 0; i < 3; i++) {
        assertThat(client.generate(REQUEST).count().block())
            .isEqualTo(FakeModel.eventCount(REQUEST));
      }
      assertThat(server.requests).hasSize(3);
    }
  }

  @Test
  void aServerThatComesUpLateIsFoundWithoutWaitingForGrpcsOwnBackoff() throws Exception {
    ClientSettings settings =
        ClientSettings.builder()
            .retries(
                new ClientSettings.Retries(
                    20, Duration.ofMillis(50), Duration.ofMillis(50), Duration.ZERO))
            .build();
    Target target = nobody();
    try (MillraceClient client = MillraceClient.connect(List.of(target), settings)) {
      assertThat(failure(client).code()).isEqualTo(Status.Code.UNAVAILABLE);
      // Some twenty connections were refused: gRPC's own backoff is at many seconds by now.
      try (FakeServer late = new FakeServer(FakeServer.Answer::whole, 1, target.port())) {
        long begin = System.nanoTime();
        assertThat(client.generate(REQUEST).count().block())
            .isEqualTo(FakeModel.eventCount(REQUEST));
        assertThat(System.nanoTime() - begin).isLessThan(1_500_000_000L);
        assertThat(late.requests).hasSize(1);
      }
    }
  }

  @Test
  void generateOnceIsAskedAgainAsAWhole() throws Exception {
    try (FakeServer server = new FakeServer(refusing(2, status(Status.Code.UNAVAILABLE)));
        MillraceClient client = MillraceClient.connect(List.of(server.target()), FAST)) {
      assertThat(client.generateOnce(REQUEST).block()).isNotNull();
      assertThat(server.requests).hasSize(3);
    }
  }

  @Test
  void aFailureTellsWhatTheServerToldAndWhatWasComputed() throws Exception {
    Usage usage = Usage.newBuilder().setPromptTokens(7).setCompletionTokens(2).build();
    StatusException told =
        status(
            Status.Code.INTERNAL,
            Any.pack(ErrorInfo.newBuilder().setReason("NOT_FINITE").setDomain("millrace").build()));
    told.getTrailers()
        .put(
            Metadata.Key.of("millrace-usage-bin", Metadata.BINARY_BYTE_MARSHALLER),
            usage.toByteArray());
    try (FakeServer server =
            new FakeServer(
                asked ->
                    new FakeServer.Answer(
                        List.<GenerateResponse>of(FakeModel.events(asked).next()).iterator(),
                        told));
        MillraceClient client = MillraceClient.connect(List.of(server.target()), FAST)) {
      MillraceException failure = failure(client);
      assertThat(failure).hasMessage("INTERNAL: told so");
      assertThat(failure.reason()).isEqualTo("NOT_FINITE");
      assertThat(failure.detail(ErrorInfo.class).orElseThrow().getDomain()).isEqualTo("millrace");
      assertThat(failure.usage()).contains(usage);
    }
  }

  @Test
  void trailersThatCantBeReadLeaveTheStatusItself() {
    Metadata trailers = new Metadata();
    for (String key : List.of("millrace-usage-bin", "grpc-status-details-bin")) {
      trailers.put(Metadata.Key.of(key, Metadata.BINARY_BYTE_MARSHALLER), new byte[] {-1, -1, -1});
    }
    MillraceException failure =
        MillraceException.of(Status.NOT_FOUND.withDescription("no such model"), trailers);
    assertThat(failure).hasMessage("NOT_FOUND: no such model");
    assertThat(failure.usage()).isEmpty();
    assertThat(failure.reason()).isEmpty();
  }

  /** A target where nothing listens. */
  private static Target nobody() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return new Target("127.0.0.1", socket.getLocalPort());
    }
  }
}
