package dev.millrace.bench;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.millrace.client.FakeServer;
import dev.millrace.client.FakeServer.Answer;
import dev.millrace.client.Target;
import dev.millrace.v1.GenerateRequest;
import io.grpc.Status;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import reactor.core.publisher.Mono;

class BenchTest {
  private static BenchSettings settings(FakeServer server) {
    return new BenchSettings(List.of(server.target()), "", 4, 20, 3, 16, 10, 1);
  }

  @Test
  void everyRequestIsMeasuredButThoseToWarmUp() throws Exception {
    try (FakeServer server = new FakeServer(Answer::whole)) {
      BenchReport report = Bench.run(settings(server), Mono.never());

      assertThat(report.finished()).isEqualTo(20);
      assertThat(report.tokens()).isEqualTo(200);
      assertThat(report.timeToFirstToken().count()).isEqualTo(20);
      assertThat(report.timeBetweenTokens().count()).isEqualTo(180);
      assertThat(report.errors()).isEmpty();
      assertThat(server.requests).hasSize(23);
    }
  }

  @Test
  void promptsHaveTheirLengthAndDifferFromTheFirstTokensOn() throws Exception {
    try (FakeServer server = new FakeServer(Answer::whole)) {
      Bench.run(settings(server), Mono.never());
      Bench.run(settings(server), Mono.never());

      assertThat(server.requests)
          .allSatisfy(
              request -> {
                assertThat(request.getTokenIds().getIdsList())
                    .hasSize(16)
                    .allMatch(id -> id == '\n' || id == ' ' || (id >= 'a' && id <= 'z'));
                assertThat(request.getStop().getMaxTokens()).isEqualTo(10);
                assertThat(request.getStop().getIgnoreEos()).isTrue();
              });
      Set<List<Integer>> beginnings = new HashSet<>();
      for (GenerateRequest request : server.requests) {
        beginnings.add(request.getTokenIds().getIdsList().subList(0, 8));
      }
      assertThat(beginnings).as("of two equal runs").hasSize(23);
    }
  }

  @Test
  void soManyRequestsAreUnderWayAsThereAreStreams() throws Exception {
    AtomicInteger seen = new AtomicInteger();
    try (FakeServer server =
        new FakeServer(
            request ->
                seen.incrementAndGet() <= 3
                    ? Answer.whole(request)
                    : Answer.silentAfter(request, 4))) {
      BenchReport report = Bench.run(settings(server), Mono.delay(Duration.ofMillis(500)).then());

      assertThat(server.requests).as("three to warm up, and a stalled one a stream").hasSize(3 + 4);
      assertThat(report.interrupted()).isTrue();
      assertThat(report.finished()).isZero();
      assertThat(report.timeToFirstToken().count()).as("what there is").isEqualTo(4);
      assertThat(server.cancelledWithin(Duration.ofSeconds(10))).isTrue();
    }
  }

  @Test
  void failuresAreCountedByCodeAndNotTriedAgain() throws Exception {
    AtomicInteger asked = new AtomicInteger();
    try (FakeServer server =
        new FakeServer(
            request ->
                switch (asked.incrementAndGet() % 4) {
                  case 0 -> Answer.refused(Status.RESOURCE_EXHAUSTED.withDescription("full"));
                  case 2 -> Answer.cut(request, 5, Status.UNAVAILABLE.withDescription("draining"));
                  default -> Answer.whole(request);
                })) {
      BenchReport report = Bench.run(settings(server), Mono.never());

      assertThat(server.requests).hasSize(23);
      assertThat(report.finished()).isEqualTo(10);
      assertThat(report.failed()).isEqualTo(10);
      assertThat(report.errors().get("RESOURCE_EXHAUSTED"))
          .isEqualTo(new Measurements.Errors(5, "RESOURCE_EXHAUSTED: full"));
      assertThat(report.table())
          .contains("10 requests finished and 10 failed")
          .containsPattern("UNAVAILABLE +5  UNAVAILABLE: draining");
      JsonObject json = JsonParser.parseString(report.json()).getAsJsonObject();
      assertThat(json.getAsJsonObject("errors").getAsJsonObject("UNAVAILABLE").get("count"))
          .hasToString("5");
    }
  }

  @Test
  void theReportIsATableAndJson() {
    BenchReport report =
        new BenchReport(
            new BenchSettings(List.of(new Target("localhost", 9090)), "", 8, 64, 8, 128, 64, 1),
            "SmolLM2-135M",
            12.5,
            false,
            64,
            4096,
            new BenchReport.Latency(64, 120.5, 180.25, 240, 250),
            new BenchReport.Latency(4032, 20, 30, 40.125, 55),
            new BenchReport.Latency(0, 0, 0, 0, 0),
            Map.of());

    assertThat(report.table())
        .isEqualToNormalizingNewlines(
            """
            SmolLM2-135M at localhost:9090: 8 streams, 64 requests of 128 prompt tokens and 64 new ones each

            ms                                p50        p90        p99        max
            time to first token            120.50     180.25     240.00     250.00
            time between tokens             20.00      30.00      40.13      55.00
            time of a whole request             -          -          -          -

            64 requests finished and 0 failed in 12.50 s: 4096 tokens, 327.7 tokens/s, 5.12 requests/s
            """);
    JsonObject json = JsonParser.parseString(report.json()).getAsJsonObject();
    assertThat(json.get("tokens_per_second").getAsDouble()).isEqualTo(327.68);
    assertThat(json.getAsJsonObject("time_to_first_token_ms").get("p90").getAsDouble())
        .isEqualTo(180.25);
    assertThat(json.getAsJsonObject("time_between_tokens_ms").get("count").getAsLong())
        .isEqualTo(4032);
  }
}
