package dev.millrace.client;

import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.TextGenerationServiceGrpc;
import io.grpc.CallOptions;
import io.grpc.Status;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.reactivestreams.Publisher;
import org.reactivestreams.tck.PublisherVerification;
import org.reactivestreams.tck.TestEnvironment;
import reactor.core.publisher.Mono;

/** The Reactive Streams TCK on our publishers, over a real connection. */
class GenerateTckTest {
  private static final long TIMEOUT_MILLIS = 1000;
  private static final long NOTHING_HAPPENS_MILLIS = 50;

  private FakeServer server;
  private Channels channels;
  private MillraceClient client;

  @BeforeEach
  void start() throws IOException {
    server = new FakeServer(GenerateTckTest::answer);
    client = MillraceClient.connect(List.of(server.target()), ClientSettings.defaults());
    channels = new Channels(List.of(server.target()), ClientSettings.defaults());
  }

  @AfterEach
  void stop() {
    client.close();
    channels.close();
    server.close();
  }

  /** Text "N": N events, of which the last is a summary. */
  private static FakeServer.Answer answer(GenerateRequest request) {
    if (request.getText().isEmpty()) {
      return FakeServer.Answer.refused(Status.NOT_FOUND);
    }
    long count = Long.parseLong(request.getText());
    return new FakeServer.Answer(
        LongStream.range(0, count).mapToObj(n -> event(n, count)).iterator(),
        Status.OK.asException());
  }

  private static GenerateResponse event(long number, long count) {
    GenerateResponse.Builder event = GenerateResponse.newBuilder().setSequenceNumber(number);
    if (number == count - 1) {
      event.getSummaryBuilder();
    } else {
      event.getDeltaBuilder().addTokenIds((int) number);
    }
    return event.build();
  }

  private static GenerateRequest request(long elements) {
    return GenerateRequest.newBuilder().setText(Long.toString(elements)).build();
  }

  @TestFactory
  Stream<DynamicTest> aCallKeepsTheRulesOfReactiveStreams() {
    return Tck.rules(
        new PublisherVerification<GenerateResponse>(
            new TestEnvironment(TIMEOUT_MILLIS, NOTHING_HAPPENS_MILLIS)) {
          @Override
          public Publisher<GenerateResponse> createPublisher(long elements) {
            return call(request(elements));
          }

          @Override
          public Publisher<GenerateResponse> createFailedPublisher() {
            return call(GenerateRequest.getDefaultInstance());
          }
        });
  }

  private CallFlux<GenerateRequest, GenerateResponse> call(GenerateRequest request) {
    return new CallFlux<>(
        channels.current().channel(),
        TextGenerationServiceGrpc.getGenerateMethod(),
        CallOptions.DEFAULT,
        Mono.just(request),
        Optional.empty());
  }

  @TestFactory
  Stream<DynamicTest> aGenerationKeepsTheRulesOfReactiveStreams() {
    return Tck.rules(
        new PublisherVerification<GenerateResponse>(
            new TestEnvironment(TIMEOUT_MILLIS, NOTHING_HAPPENS_MILLIS)) {
          @Override
          public Publisher<GenerateResponse> createPublisher(long elements) {
            return client.generate(request(elements));
          }

          @Override
          public Publisher<GenerateResponse> createFailedPublisher() {
            return client.generate(GenerateRequest.getDefaultInstance());
          }
        });
  }
}
