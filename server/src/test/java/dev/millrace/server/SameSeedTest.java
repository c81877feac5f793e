package dev.millrace.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.collect.Lists;
import dev.millrace.v1.CandidateFinished;
import dev.millrace.v1.GenerateOnceRequest;
import dev.millrace.v1.GenerateOnceResponse;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.TextDelta;
import dev.millrace.v1.TokenIds;
import dev.millrace.v1.TokenInfo;
import io.grpc.ManagedChannel;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The same seed and request give the same events, with everything in force that looks back. */
class SameSeedTest {
  private static MillraceServer server;
  private static ManagedChannel channel;

  @BeforeAll
  static void start() throws Exception {
    server = Servers.start(Map.of());
    channel = Servers.channel(server);
  }

  @AfterAll
  static void stop() {
    channel.shutdownNow();
    server.close();
  }

  private static GenerateRequest request(long seed) {
    GenerateRequest.Builder request =
        MillraceServerTest.request("It is easy, and it is", 48).toBuilder();
    request
        .getSamplingBuilder()
        .setTemperature(1.3f)
        .setTopK(80)
        .setTopP(0.95f)
        .setMinP(0.01f)
        .setRepetitionPenalty(1.2f)
        .setFrequencyPenalty(0.3f)
        .setPresencePenalty(-0.1f)
        .setPenaltyWindow(20)
        .putLogitBias(300, 2)
        .setSeed(seed);
    request.getStopBuilder().setMinTokens(10).addSequences("the").addSequences("a a");
    request.getOutputBuilder().setTokens(true).setLogprobs(true).setTokensPerEvent(3);
    return request.build();
  }

  private static List<GenerateResponse> events(GenerateRequest request) {
    return events(channel, request);
  }

  private static List<GenerateResponse> events(ManagedChannel channel, GenerateRequest request) {
    return Lists.newArrayList(MillraceServerTest.stub(channel).generate(request));
  }

  /** All that doesn't tell of time. */
  private static List<GenerateResponse> told(List<GenerateResponse> events) {
    return events.stream().filter(e -> e.hasDelta() || e.hasFinished()).toList();
  }

  @Test
  void aCandidateIsTheSameOfThreeAsOfSixteen() {
    List<List<GenerateResponse>> ofThree = byCandidate(3);
    List<List<GenerateResponse>> ofSixteen = byCandidate(16);

    assertThat(ofThree).isEqualTo(ofSixteen.subList(0, 3));
    assertThat(ofThree.getFirst()).isEqualTo(byCandidate(1).getFirst());
    assertThat(ofSixteen).doesNotHaveDuplicates();
  }

  private static List<List<GenerateResponse>> byCandidate(int count) {
    List<GenerateResponse> all = events(request(1).toBuilder().setCandidateCount(count).build());
    return IntStream.range(0, count)
        .mapToObj(
            candidate ->
                told(all).stream()
                    .filter(
                        event ->
                            event.getDelta().getCandidate() + event.getFinished().getCandidate()
                                == candidate)
                    .map(event -> event.toBuilder().clearSequenceNumber().build())
                    .toList())
        .toList();
  }

  @Test
  void severalCandidatesTakenUpAgainEachGoOnToTheBit() {
    GenerateRequest asked = request(2).toBuilder().setCandidateCount(3).build();
    List<GenerateResponse> whole = events(asked);
    for (int has = 1; has < whole.size() - 1; has += 4) {
      List<GenerateResponse> known = whole.subList(0, has);
      GenerateRequest.Builder resumed = asked.toBuilder();
      resumed
          .getResumeBuilder()
          .setToken(whole.getFirst().getStarted().getResumeToken())
          .setAfterSequenceNumber(has - 1);
      for (int candidate = 0; candidate < 3; candidate++) {
        TokenIds.Builder ids = resumed.getResumeBuilder().addCandidatesBuilder();
        deltas(known, candidate).forEach(delta -> ids.addAllIds(delta.getTokenIdsList()));
      }

      List<GenerateResponse> rest = events(resumed.build());

      for (int candidate = 0; candidate < 3; candidate++) {
        assertThat(deltas(rest, candidate))
            .as("candidate %d behind %d", candidate, has)
            .isEqualTo(deltas(whole.subList(has, whole.size()), candidate));
      }
      assertThat(finished(rest)).containsAll(finished(whole.subList(has, whole.size())));
      assertThat(finished(whole)).containsAll(finished(rest));
    }
  }

  private static List<TextDelta> deltas(List<GenerateResponse> events, int candidate) {
    return events.stream()
        .filter(event -> event.hasDelta() && event.getDelta().getCandidate() == candidate)
        .map(GenerateResponse::getDelta)
        .toList();
  }

  private static List<CandidateFinished> finished(List<GenerateResponse> events) {
    return events.stream()
        .filter(GenerateResponse::hasFinished)
        .map(GenerateResponse::getFinished)
        .toList();
  }

  @Test
  void anAnswerAtOnceHasEveryCandidatesText() {
    GenerateRequest request = request(1).toBuilder().setCandidateCount(3).build();
    GenerateOnceResponse answer =
        MillraceServerTest.stub(channel)
            .generateOnce(GenerateOnceRequest.newBuilder().setRequest(request).build());

    List<String> streamed =
        byCandidate(3).stream()
            .map(
                events ->
                    events.stream()
                        .map(event -> event.getDelta().getText())
                        .collect(Collectors.joining()))
            .toList();
    assertThat(answer.getCandidatesList())
        .extracting(GenerateOnceResponse.Candidate::getText)
        .isEqualTo(streamed);
    assertThat(answer.getCandidatesList())
        .extracting(each -> each.getFinished().getCandidate())
        .containsExactly(0, 1, 2);
  }

  @Test
  void aStreamTakenUpAgainBehindAnyEventGoesOnToTheBit() {
    for (long seed = 0; seed < 3; seed++) {
      List<GenerateResponse> whole = events(request(seed));
      for (int has = 1; has < whole.size() - 1; has++) {
        GenerateRequest.Builder resumed = request(seed).toBuilder();
        TokenIds.Builder known = TokenIds.newBuilder();
        for (GenerateResponse event : whole.subList(0, has)) {
          known.addAllIds(event.getDelta().getTokenIdsList());
        }
        resumed
            .getResumeBuilder()
            .setToken(whole.getFirst().getStarted().getResumeToken())
            .addCandidates(known)
            .setAfterSequenceNumber(has - 1);

        List<GenerateResponse> rest = events(resumed.build());

        assertThat(told(rest))
            .as("behind %d", has)
            .isEqualTo(told(whole.subList(has, whole.size())));
      }
    }
  }

  @Test
  void aPromptsLogprobsAreThoseThatItsTokensHadWhenTheyWereDrawn() {
    GenerateRequest.Builder drawing = request(5).toBuilder().clearSampling().clearStop();
    drawing.getSamplingBuilder().setTemperature(1).setSeed(5);
    drawing.getStopBuilder().setMaxTokens(60).setIgnoreEos(true);
    drawing.getOutputBuilder().setTopCandidates(4).setPromptTokens(true);
    List<GenerateResponse> drawn = events(drawing.build());
    List<TokenInfo> prompt = drawn.get(1).getPrompt().getTokensList();
    List<TokenInfo> tokens =
        drawn.stream()
            .map(GenerateResponse::getDelta)
            .map(TextDelta::getTokensList)
            .flatMap(List::stream)
            .toList();
    TokenIds.Builder both = TokenIds.newBuilder();
    prompt.forEach(token -> both.addIds(token.getId()));
    tokens.forEach(token -> both.addIds(token.getId()));
    GenerateRequest.Builder scoring = GenerateRequest.newBuilder().setTokenIds(both);
    scoring.getStopBuilder().setMaxTokens(0);
    scoring.getOutputBuilder().setPromptTokens(true).setLogprobs(true).setTopCandidates(4);

    for (int round = 0; round < 2; round++) { // the second time its beginning is in the cache
      List<GenerateResponse> scored = events(scoring.build());

      List<TokenInfo> all = scored.get(1).getPrompt().getTokensList();
      assertThat(all.getFirst().hasLogprob()).isFalse();
      assertThat(all.getFirst().getId()).isEqualTo(prompt.getFirst().getId());
      assertThat(all.subList(0, prompt.size())).isEqualTo(prompt);
      assertThat(all.subList(prompt.size(), all.size())).isEqualTo(tokens);
      assertThat(scored.get(2).getFinished().getCompletionTokens()).isZero();
      assertThat(scored).hasSize(4);
    }
  }

  @Test
  void aLongPromptsTokensComeInSeveralEvents() {
    GenerateRequest.Builder request = GenerateRequest.newBuilder();
    for (int i = 0; i < 1_500; i++) {
      request.getTokenIdsBuilder().addIds(5 + i % 250);
    }
    request.setCandidateCount(2).getStopBuilder().setMaxTokens(3);
    request.getOutputBuilder().setPromptTokens(true).setLogprobs(true);

    List<GenerateResponse> events = events(request.build());

    assertThat(events.get(1).getPrompt().getTokensList()).hasSize(1_024);
    assertThat(events.get(2).getPrompt().getTokensList()).hasSize(1_500 - 1_024);
    assertThat(events.get(2).getPrompt().getTokensList())
        .allMatch(token -> token.hasLogprob() && token.getRank() > 0);
    assertThat(events.get(3).getDelta().getTokenIdsList()).hasSize(1);
    for (int i = 0; i < events.size(); i++) {
      assertThat(events.get(i).getSequenceNumber()).isEqualTo(i);
    }

    request
        .getResumeBuilder()
        .setToken(events.getFirst().getStarted().getResumeToken())
        .setAfterSequenceNumber(1); // between the two
    List<GenerateResponse> rest = events(request.build());
    assertThat(rest.getFirst()).isEqualTo(events.get(2));
    assertThat(told(rest)).isEqualTo(told(events));
  }
}
