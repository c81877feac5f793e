package dev.millrace.bench;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.millrace.client.FakeServer;
import dev.millrace.client.FakeServer.Answer;
import dev.millrace.client.Target;
import dev.millrace.v1.GenerateRequest;
import io.grpc.Status;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import reactor.core.publisher.Mono;

class BenchTest {
  private static BenchSettings settings(FakeServer server) {
    return new BenchSettings(
        List.of(server.target()),
        Optional.empty(),
        "",
        new Load.Closed(4),
        20,
        3,
        16,
        10,
        1,
        Goodput.ANY);
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
  void anOpenLoopDoesntWaitForAnswers() throws Exception {
    AtomicInteger seen = new AtomicInteger();
    try (FakeServer server =
        new FakeServer(
            request ->
                seen.incrementAndGet() <= 3
                    ? Answer.whole(request)
                    : Answer.silentAfter(request, 4))) {
      BenchSettings settings = with(server, new Load.Poisson(1_000));
      BenchReport report = Bench.run(settings, Mono.delay(Duration.ofMillis(900)).then());

      assertThat(server.requests).hasSize(3 + 20);
      assertThat(report.timeToFirstToken().count()).isEqualTo(20);
      assertThat(report.finished()).isZero();
    }
  }

  @Test
  void aReplayMakesTheTracesRequestsWhenTheyAreDue(@TempDir Path folder) throws Exception {
    Path trace = folder.resolve("trace.jsonl");
    Files.writeString(
        trace,
        """
        {"timestamp": 1000, "input_length": 1000, "output_length": 8, "hash_ids": [7, 8]}
        {"timestamp": 1600, "input_length": 1100, "output_length": 4, "hash_ids": [7, 9, 10]}
        """);
    try (FakeServer server = new FakeServer(Answer::whole)) {
      long begin = System.nanoTime();
      BenchReport report = Bench.run(with(server, new Load.Replay(trace, 2, 0.5)), Mono.never());

      assertThat(System.nanoTime() - begin).isGreaterThan(Duration.ofMillis(300).toNanos());
      List<GenerateRequest> requests = server.requests.stream().skip(3).toList();
      assertThat(requests)
          .extracting(request -> request.getTokenIds().getIdsCount())
          .containsExactly(500, 550);
      assertThat(requests)
          .extracting(request -> request.getStop().getMaxTokens())
          .containsExactly(4, 2);
      assertThat(requests.get(1).getTokenIds().getIdsList().subList(0, 256))
          .isEqualTo(requests.get(0).getTokenIds().getIdsList().subList(0, 256));
      assertThat(requests.get(1).getTokenIds().getIdsList().subList(256, 500))
          .isNotEqualTo(requests.get(0).getTokenIds().getIdsList().subList(256, 500));
      assertThat(report.finished()).isEqualTo(2);
    }
  }

  @Test
  void readsTheAzureFormatAndNamesLinesThatArentOfIt(@TempDir Path folder) throws Exception {
    Path trace = folder.resolve("trace.csv");
    String lines =
        """
        TIMESTAMP,ContextTokens,GeneratedTokens
        2023-11-16 23:59:59.9799600,4808,10
        2023-11-17 00:00:00.4799600,3180,8
        """;
    Files.writeString(trace, lines);

    assertThat(Trace.read(new Load.Replay(trace, 1, 1), 10))
        .containsExactly(
            new PlannedRequest(Duration.ZERO, 4808, 10, List.of(), 512),
            new PlannedRequest(Duration.ofMillis(500), 3180, 8, List.of(), 512));

    Files.writeString(trace, lines + "yesterday,1,2\n");
    assertThatThrownBy(() -> Trace.read(new Load.Replay(trace, 1, 1), 10))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("line 4");
  }

  private static BenchSettings with(FakeServer server, Load load) {
    return new BenchSettings(
        List.of(server.target()),
        Optional.empty(),
        "",
        load,
        20,
        3,
        16,
        10,
        1,
        Goodput.parse("ttft:60000"));
  }

  @Test
  void theReportIsATableAndJson() {
    BenchReport report =
        new BenchReport(
            new BenchSettings(
                List.of(new Target("localhost", 9090)),
                Optional.empty(),
                "",
                new Load.Closed(8),
                64,
                8,
                128,
                64,
                1,
                Goodput.ANY),
            "SmolLM2-135M",
            12.5,
            false,
            64,
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
