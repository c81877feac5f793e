package dev.millrace.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.client.ClientSettings;
import dev.millrace.client.MillraceClient;
import dev.millrace.client.Target;
import dev.millrace.server.MillraceServer;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.GenerateResponse.EventCase;
import io.grpc.CallOptions;
import io.grpc.Channel;
import io.grpc.ClientCall;
import io.grpc.ClientInterceptor;
import io.grpc.ForwardingClientCall.SimpleForwardingClientCall;
import io.grpc.ForwardingClientCallListener.SimpleForwardingClientCallListener;
import io.grpc.Metadata;
import io.grpc.MethodDescriptor;
import io.grpc.Status;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Streams of several candidates, on a real server, that our client takes up where they broke. */
class CandidatesResumeTest {
  private static final int CANDIDATES = 3;

  /** More than what may be told again: for each candidate, a text without tokens and its end. */
  private static final int FURTHER = 2 * CANDIDATES + 1;

  private static final AtomicInteger eventsOfNextCall = new AtomicInteger();

  private static MillraceServer server;
  private static MillraceClient client;

  @BeforeAll
  static void start() throws Exception {
    server = TinyServer.start();
    ClientSettings settings =
        ClientSettings.builder()
            .retries(
                new ClientSettings.Retries(
                    4, Duration.ofMillis(1), Duration.ofMillis(1), Duration.ZERO))
            .channel(
                builder ->
                    builder.intercept(new Breaking(() -> eventsOfNextCall.getAndSet(FURTHER))))
            .build();
    client = MillraceClient.connect(List.of(new Target("127.0.0.1", server.port())), settings);
  }

  @AfterAll
  static void stop() {
    client.close();
    server.close();
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void behindEveryEventEachCandidateGoesOnAndEndsOnce(int tokensPerEvent) {
    GenerateRequest.Builder request = request(20);
    request.getOutputBuilder().setTokensPerEvent(tokensPerEvent);
    request.getStopBuilder().addAllTokenIds(IntStream.range(0, 16).boxed().toList());

    List<GenerateResponse> whole = breakBehindEveryEvent(request.build());

    assertThat(
            whole.stream()
                .filter(GenerateResponse::hasFinished)
                .map(event -> event.getFinished().getCompletionTokens())
                .distinct())
        .as("the candidates end one after another")
        .hasSize(CANDIDATES);
  }

  @Test
  void anEchoBeforeNothingComesOnceForEachCandidate() {
    GenerateRequest.Builder request = request(0);
    request.getOutputBuilder().setEchoPrompt(true);
    breakBehindEveryEvent(request.build());
  }

  private static GenerateRequest.Builder request(int maxTokens) {
    GenerateRequest.Builder request =
        GenerateRequest.newBuilder().setText("It is easy").setCandidateCount(CANDIDATES);
    request.getSamplingBuilder().setTemperature(1).setSeed(27);
    request.getStopBuilder().setMaxTokens(maxTokens).setIgnoreEos(true);
    return request;
  }

  private static List<GenerateResponse> breakBehindEveryEvent(GenerateRequest request) {
    List<GenerateResponse> whole = generate(request, Integer.MAX_VALUE);
    for (int cut = 1; cut < whole.size(); cut++) {
      List<GenerateResponse> broken = generate(request, cut);

      assertThat(broken.stream().map(GenerateResponse::getSequenceNumber))
          .as("numbers, broken behind %s events", cut)
          .containsExactlyElementsOf(
              IntStream.range(0, whole.size()).mapToObj(i -> (long) i).toList());
      for (int candidate = 0; candidate < CANDIDATES; candidate++) {
        assertThat(ofCandidate(broken, candidate))
            .as("candidate %s, broken behind %s events", candidate, cut)
            .isEqualTo(ofCandidate(whole, candidate));
      }
      assertThat(broken.getLast().getSummary().getUsage().getCompletionTokens())
          .isEqualTo(whole.getLast().getSummary().getUsage().getCompletionTokens());
    }
    return whole;
  }

  private static List<GenerateResponse> ofCandidate(List<GenerateResponse> events, int candidate) {
    return events.stream()
        .filter(
            event ->
                event.getEventCase() == EventCase.DELTA
                        && event.getDelta().getCandidate() == candidate
                    || event.getEventCase() == EventCase.FINISHED
                        && event.getFinished().getCandidate() == candidate)
        .map(event -> event.toBuilder().clearSequenceNumber().build())
        .toList();
  }

  /** The first call breaks behind so many events, each further one behind a few. */
  private static List<GenerateResponse> generate(GenerateRequest request, int firstEvents) {
    eventsOfNextCall.set(firstEvents);
    return client.generate(request).collectList().block(TinyServer.PATIENCE);
  }

  /** Calls lose their connection behind so many responses. */
  private record Breaking(IntSupplier responses) implements ClientInterceptor {
    @Override
    public <Q, P> ClientCall<Q, P> interceptCall(
        MethodDescriptor<Q, P> method, CallOptions options, Channel next) {
      return new SimpleForwardingClientCall<>(next.newCall(method, options)) {
        @Override
        public void start(Listener<P> listener, Metadata headers) {
          super.start(
              new SimpleForwardingClientCallListener<>(listener) {
                private int left = responses.getAsInt();

                @Override
                public void onMessage(P response) {
                  if (left > 0) {
                    super.onMessage(response);
                  }
                  if (--left == 0) {
                    cancel("lost by the test", null);
                  }
                }

                @Override
                public void onClose(Status status, Metadata trailers) {
                  super.onClose(left <= 0 ? Status.UNAVAILABLE : status, trailers);
                }
              },
              headers);
        }
      };
    }
  }
}
