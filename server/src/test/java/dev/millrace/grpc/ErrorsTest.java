package dev.millrace.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.util.concurrent.Futures;
import com.google.common.util.concurrent.ListenableFuture;
import com.google.common.util.concurrent.Uninterruptibles;
import com.google.protobuf.ByteString;
import com.google.rpc.BadRequest;
import com.google.rpc.QuotaFailure;
import com.google.rpc.RetryInfo;
import dev.millrace.engine.Await;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationException;
import dev.millrace.engine.GenerationException.Reason;
import dev.millrace.pipeline.Generator;
import dev.millrace.request.ByteTokenizer;
import dev.millrace.sampling.SampledToken;
import dev.millrace.v1.ConverseRequest;
import dev.millrace.v1.ConverseResponse;
import dev.millrace.v1.GenerateOnceRequest;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.RenderChatRequest;
import dev.millrace.v1.Resume;
import dev.millrace.v1.TextGenerationServiceGrpc;
import dev.millrace.v1.TokenizationServiceGrpc;
import dev.millrace.v1.TokenizeRequest;
import dev.millrace.v1.TokenizeResponse;
import dev.millrace.v1.Usage;
import io.grpc.Status.Code;
import io.grpc.stub.StreamObserver;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import reactor.core.publisher.Flux;

/** Each way to fail has its code, its details and its usage, as a client sees them. */
class ErrorsTest {
  private static final GenerateRequest HELLO = Loopback.request("Hello", 5);

  private Loopback loopback;

  @AfterEach
  void stop() {
    loopback.close();
  }

  @ParameterizedTest
  @CsvSource({
    "QUEUE_FULL, RESOURCE_EXHAUSTED, true, true, false",
    "QUEUE_TIMEOUT, RESOURCE_EXHAUSTED, true, true, false",
    "SLEPT_LONGEST, RESOURCE_EXHAUSTED, false, true, false",
    "NEVER_FITS, INVALID_ARGUMENT, false, false, true",
    "DEADLINE_EXCEEDED, DEADLINE_EXCEEDED, false, false, false",
    "CANCELLED, CANCELLED, false, false, false",
    "DRAINING, UNAVAILABLE, true, false, false",
    "ENGINE_DOWN, UNAVAILABLE, true, false, false",
    "NOT_FINITE, INTERNAL, false, false, false",
    "DEFECT, INTERNAL, false, false, false",
  })
  void whatTheEngineSaysHasItsCodeDetailsAndUsage(
      Reason reason, Code code, boolean retry, boolean quota, boolean field) throws Exception {
    start(
        request ->
            Flux.error(
                new GenerationException(
                    reason,
                    "told by the test",
                    new GenerationEvent.Usage(4, 3, 2, 1),
                    Optional.of(Duration.ofMillis(2_500)))));

    Errors error = Errors.of(() -> loopback.blocking().generate(HELLO).next());

    assertThat(error.code()).isEqualTo(code);
    assertThat(error.message()).isEqualTo("told by the test");
    assertThat(error.reason()).isEqualTo(reason.name());
    assertThat(error.usage())
        .isEqualTo(
            Usage.newBuilder()
                .setPromptTokens(4)
                .setCachedPromptTokens(3)
                .setCompletionTokens(2)
                .setPreemptions(1)
                .build());
    assertThat(error.detail(RetryInfo.class).map(RetryInfo::getRetryDelay).map(String::valueOf))
        .isEqualTo(retry ? Optional.of("seconds: 2\nnanos: 500000000\n") : Optional.empty());
    assertThat(error.detail(QuotaFailure.class).isPresent()).isEqualTo(quota);
    assertThat(error.detail(BadRequest.class).isPresent()).isEqualTo(field);
  }

  @Test
  void aFieldOutOfRangeIsNamed() throws Exception {
    start(request -> Flux.never());
    GenerateRequest.Builder request = HELLO.toBuilder();
    request.getSamplingBuilder().setTemperature(-1);

    Errors error = Errors.of(() -> loopback.blocking().generate(request.build()).next());

    assertThat(error.code()).isEqualTo(Code.INVALID_ARGUMENT);
    assertThat(error.reason()).isEqualTo("INVALID_FIELD");
    assertThat(error.message()).startsWith("sampling.temperature: -1.0; allowed is 0 (greedy)");
    assertThat(error.detail(BadRequest.class).orElseThrow().getFieldViolations(0).getField())
        .isEqualTo("sampling.temperature");
    assertThat(error.usage()).isEqualTo(Usage.getDefaultInstance());
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aPromptThatCanNeverFitIsNamed(boolean asText) throws Exception {
    start(request -> Flux.never());
    GenerateRequest.Builder request = HELLO.toBuilder();
    if (asText) {
      request.setText("x".repeat(Loopback.CONTEXT));
    } else {
      request.getTokenIdsBuilder().addAllIds(Collections.nCopies(Loopback.CONTEXT, 1));
    }

    Errors error = Errors.of(() -> loopback.blocking().generate(request.build()).next());

    assertThat(error.code()).isEqualTo(Code.INVALID_ARGUMENT);
    assertThat(error.reason()).isEqualTo("NEVER_FITS");
    assertThat(error.detail(BadRequest.class).orElseThrow().getFieldViolations(0).getField())
        .isEqualTo(asText ? "text" : "token_ids");
    assertThat(error.usage()).isEqualTo(Usage.getDefaultInstance());
  }

  @Test
  void aFieldOfALaterContractIsUnimplementedByName() throws Exception {
    start(request -> Flux.never());
    GenerateRequest request = HELLO.toBuilder().setAdapter("french").build();

    Errors error = Errors.of(() -> loopback.blocking().generate(request).next());

    assertThat(error.code()).isEqualTo(Code.UNIMPLEMENTED);
    assertThat(error.reason()).isEqualTo("FIELD_UNIMPLEMENTED");
    assertThat(error.detail(BadRequest.class).orElseThrow().getFieldViolations(0).getField())
        .isEqualTo("adapter");
    assertThat(error.usage()).isEqualTo(Usage.getDefaultInstance());
  }

  @Test
  void anUnknownModelIsNotFound() throws Exception {
    start(request -> Flux.never());
    GenerateRequest request = HELLO.toBuilder().setModel("huge").build();

    Errors error = Errors.of(() -> loopback.blocking().generate(request).next());

    assertThat(error.code()).isEqualTo(Code.NOT_FOUND);
    assertThat(error.reason()).isEqualTo("NOT_FOUND");
    assertThat(error.message()).contains("served are tiny");
    assertThat(error.usage()).isEqualTo(Usage.getDefaultInstance());
  }

  @Test
  void aTokenOfAnotherVersionIsAFailedPrecondition() throws Exception {
    start(request -> Flux.never());
    GenerateRequest request =
        HELLO.toBuilder()
            .setResume(Resume.newBuilder().setToken(ByteString.copyFrom(new byte[200])))
            .build();

    Errors error = Errors.of(() -> loopback.blocking().generate(request).next());

    assertThat(error.code()).isEqualTo(Code.FAILED_PRECONDITION);
    assertThat(error.reason()).isEqualTo("RESUME_MISMATCH");
  }

  @Test
  void generateOnceNamesFieldsAsItsOwnMessageDoes() throws Exception {
    start(request -> Flux.never());
    GenerateOnceRequest.Builder request = GenerateOnceRequest.newBuilder();
    request.getRequestBuilder().setText("Hello").getStopBuilder().addSequences("");
    GenerateOnceRequest.Builder resuming = GenerateOnceRequest.newBuilder();
    resuming.getRequestBuilder().setText("Hello").getResumeBuilder().setAfterSequenceNumber(1);

    assertThat(Errors.of(() -> once(request)).message()).startsWith("request.stop.sequences[0]: ");
    assertThat(Errors.of(() -> once(GenerateOnceRequest.newBuilder())).message())
        .isEqualTo("request: missing");
    assertThat(Errors.of(() -> once(resuming)).message()).startsWith("request.resume: ");
    assertThat(Errors.of(() -> once(resuming)).usage()).isEqualTo(Usage.getDefaultInstance());
  }

  @Test
  void aServerThatIsStartingIsUnavailable() throws Exception {
    loopback = Loopback.starting();

    Errors error = Errors.of(() -> loopback.blocking().generate(HELLO).next());

    assertThat(error.code()).isEqualTo(Code.UNAVAILABLE);
    assertThat(error.reason()).isEqualTo("STARTING");
    assertThat(error.detail(RetryInfo.class)).isPresent();
    assertThat(error.usage()).isEqualTo(Usage.getDefaultInstance());
  }

  @Test
  void aDefectIsInternalAndKeepsItsMessageToItself() throws Exception {
    start(request -> Flux.error(new IllegalStateException("the secret of row 7")));

    Errors error = Errors.of(() -> loopback.blocking().generate(HELLO).next());

    assertThat(error.code()).isEqualTo(Code.INTERNAL);
    assertThat(error.reason()).isEqualTo("DEFECT");
    assertThat(error.message()).doesNotContain("secret");
  }

  @Test
  void requestsThatWaitForBeingReadAreBounded() throws Exception {
    CountDownLatch slow = new CountDownLatch(1);
    loopback = Loopback.starting();
    loopback.serve(
        request -> Flux.empty(),
        new ByteTokenizer() {
          @Override
          public List<TokenSpan> encodeWithSpans(String text, boolean add, boolean parse) {
            Uninterruptibles.awaitUninterruptibly(slow);
            return super.encodeWithSpans(text, add, parse);
          }
        });
    var tokenization = TokenizationServiceGrpc.newFutureStub(loopback.channel);
    List<ListenableFuture<TokenizeResponse>> all = new ArrayList<>();
    for (int i = 0; i < 300; i++) {
      all.add(tokenization.tokenize(TokenizeRequest.newBuilder().setText("x").build()));
    }

    int taken = GrpcServer.MAX_PENDING_READS + GrpcServer.threads();
    Await.until(
        "what isn't taken is refused",
        () -> all.stream().filter(Future::isDone).count() == all.size() - taken);
    Errors refused =
        Errors.of(
            () -> Futures.getUnchecked(all.stream().filter(Future::isDone).findFirst().get()));
    slow.countDown();
    long answered = all.stream().filter(ErrorsTest::succeeds).count();

    assertThat(refused.code()).isEqualTo(Code.RESOURCE_EXHAUSTED);
    assertThat(refused.reason()).isEqualTo("REQUESTS_PENDING");
    assertThat(refused.detail(RetryInfo.class)).isPresent();
    assertThat(answered).isEqualTo(taken);
  }

  private static boolean succeeds(Future<?> call) {
    try {
      return call.get(20, TimeUnit.SECONDS) != null;
    } catch (ExecutionException e) {
      return false;
    } catch (InterruptedException | TimeoutException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aFailureInMidStreamComesBehindWhatWasSentAndCountsIt() throws Exception {
    GenerationEvent delta =
        new GenerationEvent.Delta(0, "x", List.of(new SampledToken(120, Float.NaN, 0, List.of())));
    start(
        request ->
            Flux.concat(
                Flux.just(
                    new GenerationEvent.Started(),
                    new GenerationEvent.PromptProcessed(2),
                    delta,
                    delta),
                Flux.error(new IllegalStateException("broken"))));
    var responses = loopback.blocking().generate(HELLO);
    for (int i = 0; i < 4; i++) {
      responses.next();
    }

    Errors error = Errors.of(responses::next);

    assertThat(error.usage())
        .isEqualTo(
            Usage.newBuilder()
                .setPromptTokens(6)
                .setCachedPromptTokens(2)
                .setCompletionTokens(2)
                .build());
  }

  @Test
  void aModelWithoutATemplateHasNoChat() throws Exception {
    start(request -> Flux.never());

    Errors render =
        Errors.of(
            () ->
                TokenizationServiceGrpc.newBlockingStub(loopback.channel)
                    .renderChat(RenderChatRequest.getDefaultInstance()));

    assertThat(render.code()).isEqualTo(Code.INVALID_ARGUMENT);
    assertThat(render.message()).contains("chat: the model has no chat template");
  }

  @Test
  void aConversationIsOpenedFirst() throws Exception {
    start(request -> Flux.never());

    Errors converse = Errors.of(this::converse);

    assertThat(converse.code()).isEqualTo(Code.INVALID_ARGUMENT);
    assertThat(converse.reason()).isEqualTo("INVALID_FIELD");
    assertThat(converse.usage()).isEqualTo(Usage.getDefaultInstance());
  }

  @Test
  void aMessageThatIsTooLargeIsRefused() throws Exception {
    start(request -> Flux.never());
    String text = "x".repeat(TransportLimits.DEFAULT.maxMessageBytes());

    Errors error = Errors.of(() -> loopback.blocking().generate(Loopback.request(text, 1)).next());

    assertThat(error.code()).isEqualTo(Code.RESOURCE_EXHAUSTED);
    assertThat(error.reason()).isEqualTo("MESSAGE_TOO_LARGE");
    assertThat(error.usage()).isEqualTo(Usage.getDefaultInstance());
  }

  @Test
  void aMessageThatIsFarTooLargeIsRefusedByTheTransport() throws Exception {
    start(request -> Flux.never());
    String text = "x".repeat(TransportLimits.DEFAULT.maxReadMessageBytes());

    Errors error = Errors.of(() -> loopback.blocking().generate(Loopback.request(text, 1)).next());

    assertThat(error.code()).isEqualTo(Code.RESOURCE_EXHAUSTED);
  }

  private void start(Generator generator) throws Exception {
    loopback = Loopback.scripted(generator);
  }

  private void once(GenerateOnceRequest.Builder request) {
    var _ = loopback.blocking().generateOnce(request.build());
  }

  private void converse() throws Throwable {
    CompletableFuture<Void> end = new CompletableFuture<>();
    StreamObserver<ConverseRequest> requests =
        TextGenerationServiceGrpc.newStub(loopback.channel)
            .converse(
                new StreamObserver<ConverseResponse>() {
                  @Override
                  public void onNext(ConverseResponse response) {}

                  @Override
                  public void onError(Throwable failure) {
                    end.completeExceptionally(failure);
                  }

                  @Override
                  public void onCompleted() {
                    end.complete(null);
                  }
                });
    requests.onNext(ConverseRequest.getDefaultInstance());
    try {
      end.get(Loopback.PATIENCE.toSeconds(), TimeUnit.SECONDS);
    } catch (ExecutionException e) {
      throw e.getCause();
    }
  }
}
