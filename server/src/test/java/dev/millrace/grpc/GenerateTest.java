package dev.millrace.grpc;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.collect.Lists;
import dev.millrace.v1.EngineStats;
import dev.millrace.v1.FinishReason;
import dev.millrace.v1.GenerateOnceRequest;
import dev.millrace.v1.GenerateOnceResponse;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.GenerateResponse.EventCase;
import dev.millrace.v1.GenerationStarted;
import dev.millrace.v1.Resume;
import dev.millrace.v1.TokenIds;
import dev.millrace.v1.Usage;
import io.grpc.Metadata;
import io.grpc.stub.MetadataUtils;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Streams over a real connection, from the real engine. */
class GenerateTest {
  private static Loopback loopback;

  @BeforeAll
  static void start() throws Exception {
    loopback = Loopback.hashing();
  }

  @AfterAll
  static void stop() throws Exception {
    loopback.close();
  }

  @Test
  void eventsComeInOrderAndAreNumbered() {
    List<GenerateResponse> events = generate(Loopback.request("Hello", 5));

    assertThat(events.stream().map(GenerateResponse::getSequenceNumber))
        .containsExactlyElementsOf(
            IntStream.range(0, events.size()).mapToObj(i -> (long) i).toList());
    assertThat(events.stream().map(GenerateResponse::getEventCase))
        .startsWith(EventCase.STARTED, EventCase.PROMPT)
        .endsWith(EventCase.FINISHED, EventCase.SUMMARY);
    assertThat(tokens(events)).hasSize(5);
    assertThat(text(events)).hasSize(5);
    assertThat(events.get(events.size() - 2).getFinished().getReason())
        .isEqualTo(FinishReason.FINISH_REASON_MAX_TOKENS);
  }

  @Test
  void startedTellsWhatIsInForce() {
    GenerateRequest request = Loopback.request("Hello", 1).toBuilder().setRequestId("mine").build();

    GenerationStarted started = generate(request).getFirst().getStarted();

    assertThat(started.getRequestId()).isEqualTo("mine");
    assertThat(started.getModel()).isEqualTo("tiny");
    assertThat(started.getPromptTokenCount()).isEqualTo(6);
    assertThat(started.getEffectiveSampling().getSeed()).isEqualTo(started.getSeed());
    assertThat(started.getEffectiveSampling().hasTopP()).isTrue();
    assertThat(started.getEffectiveStop().getMaxTokens()).isEqualTo(1);
    assertThat(started.getResumeToken().isEmpty()).isFalse();
  }

  @Test
  void theUsageIsInTheSummaryAndTheTrailer() throws Exception {
    AtomicReference<Metadata> trailers = new AtomicReference<>();
    var stub =
        loopback
            .blocking()
            .withInterceptors(
                MetadataUtils.newCaptureMetadataInterceptor(new AtomicReference<>(), trailers));

    List<GenerateResponse> events = Lists.newArrayList(stub.generate(Loopback.request("Hello", 7)));

    Usage expected = Usage.newBuilder().setPromptTokens(6).setCompletionTokens(7).build();
    assertThat(events.getLast().getSummary().getUsage()).isEqualTo(expected);
    assertThat(Usage.parseFrom(trailers.get().get(CallRecorder.USAGE_TRAILER))).isEqualTo(expected);
  }

  @Test
  void generateOnceAnswersWhatTheStreamWouldHaveSaid() {
    GenerateRequest.Builder request = Loopback.request("Hello", 9).toBuilder();
    request.getSamplingBuilder().setSeed(3);
    request.getOutputBuilder().setTokens(true);
    List<GenerateResponse> events = generate(request.build());

    GenerateOnceResponse answer =
        loopback
            .blocking()
            .generateOnce(GenerateOnceRequest.newBuilder().setRequest(request).build());

    assertThat(answer.getCandidatesCount()).isEqualTo(1);
    assertThat(answer.getCandidates(0).getText()).isEqualTo(text(events));
    assertThat(answer.getCandidates(0).getTokenIdsList()).isEqualTo(tokens(events));
    assertThat(answer.getCandidates(0).getTokensCount()).isEqualTo(9);
    assertThat(answer.getCandidates(0).getTokens(0).getPiece().size()).isEqualTo(1);
    assertThat(answer.getCandidates(0).getFinished().getCompletionTokens()).isEqualTo(9);
    assertThat(answer.getStarted().getSeed()).isEqualTo(3);
    assertThat(answer.getSummary().getUsage().getPromptTokens()).isEqualTo(6);
  }

  @Test
  void theModelMayBeAskedForByItsReference() {
    GenerateRequest request =
        Loopback.request("Hello", 1).toBuilder().setModel("path/to/tiny.gguf").build();

    assertThat(generate(request).getFirst().getStarted().getModel()).isEqualTo("tiny");
  }

  @Test
  void withoutMaxTokensTheContextIsFilled() {
    GenerateRequest.Builder request = GenerateRequest.newBuilder().setText("Hello");
    request.getStopBuilder().setIgnoreEos(true);

    List<GenerateResponse> events = generate(request.build());

    assertThat(events.getFirst().getStarted().getEffectiveStop().getMaxTokens())
        .isEqualTo(Loopback.CONTEXT - 6);
    assertThat(tokens(events)).hasSize(Loopback.CONTEXT - 6);
    assertThat(events.get(events.size() - 2).getFinished().getReason())
        .isEqualTo(FinishReason.FINISH_REASON_CONTEXT_FULL);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void aStreamThatBreaksAnywhereGoesOnByResumeAsIfItHadNot(int tokensPerEvent) {
    GenerateRequest.Builder first = Loopback.request("Hello", 8).toBuilder();
    first.getOutputBuilder().setTokensPerEvent(tokensPerEvent);
    // Held-back text makes it harder; "no text has this" is never matched.
    first.getStopBuilder().addSequences("no text has this");
    List<GenerateResponse> whole = generate(first.build());

    for (int cut = 1; cut < whole.size(); cut++) {
      List<GenerateResponse> had = whole.subList(0, cut);
      GenerateRequest resumed =
          first
              .clone()
              .setResume(
                  Resume.newBuilder()
                      .setToken(had.getFirst().getStarted().getResumeToken())
                      .addCandidates(TokenIds.newBuilder().addAllIds(tokens(had)))
                      .setAfterSequenceNumber(had.getLast().getSequenceNumber()))
              .build();

      List<GenerateResponse> rest = generate(resumed);

      assertThat(untimed(rest))
          .as("cut before event %d", cut)
          .isEqualTo(untimed(whole.subList(cut, whole.size())));
    }
  }

  @Test
  void aHundredStreamsLeaveNothingBehind() {
    List<List<GenerateResponse>> all =
        IntStream.range(0, 100)
            .mapToObj(i -> generate(Loopback.request("Hello " + i, 3)))
            .collect(Collectors.toCollection(ArrayList::new));

    assertThat(all).allSatisfy(events -> assertThat(tokens(events)).hasSize(3));
    EngineStats stats = loopback.stats();
    assertThat(stats.getKvBlocksInUse()).isZero();
    assertThat(stats.getRunningSequences()).isZero();
    assertThat(stats.getWaitingSequences()).isZero();
  }

  private static List<GenerateResponse> generate(GenerateRequest request) {
    return Lists.newArrayList(loopback.blocking().generate(request));
  }

  /** Times differ from run to run. */
  private static List<GenerateResponse> untimed(List<GenerateResponse> events) {
    return events.stream()
        .map(
            event -> {
              GenerateResponse.Builder copy = event.toBuilder();
              if (copy.hasSummary()) {
                copy.getSummaryBuilder().clearTimings();
              }
              return copy.build();
            })
        .toList();
  }

  private static List<Integer> tokens(List<GenerateResponse> events) {
    return events.stream()
        .flatMap(
            event ->
                event.hasDelta()
                    ? event.getDelta().getTokenIdsList().stream()
                    : Collections.<Integer>emptyList().stream())
        .toList();
  }

  private static String text(List<GenerateResponse> events) {
    return events.stream().map(event -> event.getDelta().getText()).collect(Collectors.joining());
  }
}
