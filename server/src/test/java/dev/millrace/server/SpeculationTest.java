package dev.millrace.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.common.collect.Lists;
import dev.millrace.config.SettingsTable;
import dev.millrace.v1.EngineStats;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.LogprobsKind;
import io.grpc.ManagedChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** A server that speculates gives the very events, numbers too, of one that doesn't. */
class SpeculationTest {
  private static final String COPY =
      "int sum(int[] values) {\n  int sum = 0;\n  for (int value : values) {\n    sum += value;\n"
          + "  }\n  return sum;\n}\n\nint sum(int[] values) {\n  int sum = 0;\n  for";

  private static final String SCHEMA =
      """
      {"type": "array", "minItems": 6, "maxItems": 6, "items": {"type": "object", "properties":
       {"name": {"enum": ["north", "south"]}, "ok": {"type": "boolean"}}, "required": ["name", "ok"],
       "additionalProperties": false}}
      """;

  /** Greedy, drawn, penalized, stopped, held to a schema, all with log-probabilities. */
  private static List<GenerateRequest> requests() {
    List<GenerateRequest> requests = new ArrayList<>();
    requests.add(request(0).build());
    requests.add(with(request(0).setCandidateCount(2), "sum += value;\n  }"));
    GenerateRequest.Builder drawn = request(0.8f).setCandidateCount(3);
    drawn.getSamplingBuilder().setTopK(40).setTopP(0.95f);
    drawn.getOutputBuilder().setTokensPerEvent(3);
    requests.add(drawn.build());
    GenerateRequest.Builder penalized = request(0.7f);
    penalized
        .getSamplingBuilder()
        .setRepetitionPenalty(1.05f)
        .setFrequencyPenalty(0.1f)
        .setPresencePenalty(0.1f)
        .setPenaltyWindow(12)
        .putLogitBias(300, 2);
    penalized.getOutputBuilder().setLogprobsKind(LogprobsKind.LOGPROBS_KIND_PROCESSED);
    requests.add(penalized.build());
    GenerateRequest.Builder late = request(0.5f);
    late.getStopBuilder().setIgnoreEos(false).setMinTokens(30).addSequences("\n");
    requests.add(late.build());
    for (float temperature : new float[] {0, 1}) {
      GenerateRequest.Builder formatted = request(temperature);
      formatted.getResponseFormatBuilder().setJsonSchema(SCHEMA);
      formatted.getStopBuilder().setMaxTokens(200).setIgnoreEos(false);
      requests.add(formatted.build());
    }
    return requests;
  }

  private static GenerateRequest.Builder request(float temperature) {
    GenerateRequest.Builder request = MillraceServerTest.request(COPY, 80).toBuilder();
    request.getSamplingBuilder().setTemperature(temperature).setSeed(11);
    request.getOutputBuilder().setTokens(true).setLogprobs(true).setTopCandidates(2);
    return request;
  }

  private static GenerateRequest with(GenerateRequest.Builder request, String stop) {
    request.getStopBuilder().addSequences(stop);
    return request.build();
  }

  /** All events that don't tell of time, of requests one after another. */
  private static List<List<GenerateResponse>> alone(ManagedChannel channel) {
    return requests().stream().map(request -> told(channel, request)).toList();
  }

  private static List<GenerateResponse> told(ManagedChannel channel, GenerateRequest request) {
    return Lists.newArrayList(MillraceServerTest.stub(channel).generate(request)).stream()
        .filter(event -> event.hasDelta() || event.hasFinished())
        .map(event -> event.toBuilder().clearSequenceNumber().build()) // candidates interleave
        .toList();
  }

  private static List<List<GenerateResponse>> together(ManagedChannel channel) throws Exception {
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<List<GenerateResponse>>> running =
          requests().stream().map(request -> callers.submit(() -> told(channel, request))).toList();
      List<List<GenerateResponse>> events = new ArrayList<>();
      for (Future<List<GenerateResponse>> each : running) {
        events.add(each.get());
      }
      return events;
    }
  }

  private static void assertSame(
      List<List<GenerateResponse>> speculated, List<List<GenerateResponse>> expected) {
    assertThat(speculated).hasSameSizeAs(expected);
    for (int i = 0; i < expected.size(); i++) {
      for (int candidate = 0; candidate < 3; candidate++) {
        assertThat(of(candidate, speculated.get(i)))
            .as("request %d, candidate %d", i, candidate)
            .isEqualTo(of(candidate, expected.get(i)));
      }
    }
  }

  private static List<GenerateResponse> of(int candidate, List<GenerateResponse> events) {
    return events.stream()
        .filter(
            event ->
                candidate
                    == (event.hasDelta()
                        ? event.getDelta().getCandidate()
                        : event.getFinished().getCandidate()))
        .toList();
  }

  private static void compare(String model) throws Exception {
    List<List<GenerateResponse>> expected;
    try (MillraceServer plain = Servers.start(Map.of("--model", List.of(model)))) {
      ManagedChannel channel = Servers.channel(plain);
      expected = alone(channel);
      assertThat(MillraceServerTest.stats(channel, "").getDraftedTokens()).isZero();
      channel.shutdownNow();
    }
    Map<String, List<String>> flags =
        Map.of("--model", List.of(model), "--speculate", List.of("16"));
    try (MillraceServer speculating = Servers.start(flags)) {
      ManagedChannel channel = Servers.channel(speculating);
      assertSame(alone(channel), expected);
      EngineStats stats = MillraceServerTest.stats(channel, "");
      assertThat(stats.getAcceptedDraftTokens()).as("right guesses").isPositive();
      assertThat(stats.getDraftedTokens()).isGreaterThan(stats.getAcceptedDraftTokens());
      assertSame(together(channel), expected);
      assertThat(MillraceServerTest.stats(channel, "").getKvBlocksInUse()).isZero();
      channel.shutdownNow();
    }
  }

  @Test
  void theTinyModelGivesTheSameEvents() throws Exception {
    compare("synthetic:tiny");
  }

  @Test
  void theDefaultModelGivesTheSameEvents() throws Exception {
    Path cache = SettingsTable.MODEL_CACHE.value(Map.of(), System.getenv());
    Path model = cache.resolve("SmolLM2-135M-Instruct.Q4_1.gguf");
    assumeTrue(Files.exists(model), () -> "SKIPPED, the default model is absent: " + model);
    compare(model.toString());
  }
}
