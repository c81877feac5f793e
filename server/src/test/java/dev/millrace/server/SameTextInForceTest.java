package dev.millrace.server;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.collect.Lists;
import dev.millrace.v1.GenerateRequest;
import dev.millrace.v1.GenerateResponse;
import dev.millrace.v1.TokenIds;
import io.grpc.ManagedChannel;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/**
 * Penalties, stops and a schema, each by itself and all at once: whatever looks back at the output
 * says the same alone, among 31 others, preempted, and taken up again in the middle.
 */
class SameTextInForceTest {
  private static final int EACH = 8; // of 4 kinds: 32 at once

  private static final String SCHEMA =
      """
      {"type": "array", "minItems": 6, "items": {"type": "object", "required": ["name", "size"],
       "properties": {"name": {"type": "string", "minLength": 12, "maxLength": 30},
       "size": {"type": "number", "minimum": 1, "maximum": 99}, "ok": {"type": "boolean"}},
       "additionalProperties": false}}
      """;

  /** What is in force. */
  private enum Kind {
    PENALTIES,
    STOPS,
    FORMAT,
    ALL;

    void into(GenerateRequest.Builder request) {
      if (this == PENALTIES || this == ALL) {
        penalize(request);
      }
      if (this == STOPS || this == ALL) {
        stop(request);
      }
      if (this == FORMAT || this == ALL) {
        format(request);
      }
    }

    private static void penalize(GenerateRequest.Builder request) {
      request
          .getSamplingBuilder()
          .setRepetitionPenalty(1.2f)
          .setFrequencyPenalty(0.4f)
          .setPresencePenalty(-0.2f)
          .setPenaltyWindow(30)
          .putLogitBias('a', 2);
    }

    /** Held back often, and matched somewhere behind the first 120 tokens. */
    private static void stop(GenerateRequest.Builder request) {
      request
          .getStopBuilder()
          .setMinTokens(120)
          .addSequences("57")
          .addSequences("a")
          .addTokenIds(5);
    }

    private static void format(GenerateRequest.Builder request) {
      request.getResponseFormatBuilder().setJsonSchema(SCHEMA);
    }
  }

  private record Told(List<GenerateResponse> events) {
    /** All that doesn't tell of time or of what others did. */
    List<GenerateResponse> said() {
      return events.stream().filter(e -> e.hasDelta() || e.hasFinished()).toList();
    }

    int preemptions() {
      return events.getLast().getSummary().getUsage().getPreemptions();
    }
  }

  private static MillraceServer roomy;
  private static MillraceServer crowded;
  private static ManagedChannel toRoomy;
  private static ManagedChannel toCrowded;

  @BeforeAll
  static void start() throws Exception {
    roomy = server("64");
    toRoomy = Servers.channel(roomy);
    crowded = server("1"); // holds a third of what 32 such outputs want
    toCrowded = Servers.channel(crowded);
  }

  /** Admission counts on outputs as long as the last ones: short ones let it admit too many. */
  private static void expectShortOutputs() throws Exception {
    together(toCrowded, Collections.nCopies(60, MillraceServerTest.request("It is", 1)));
  }

  private static MillraceServer server(String kvMib) throws IOException {
    return Servers.start(
        Map.of(
            "--kv-cache-mib", List.of(kvMib),
            "--kv-type", List.of("f32"),
            "--max-running", List.of("32")));
  }

  @AfterAll
  static void stop() {
    toRoomy.shutdownNow();
    toCrowded.shutdownNow();
    roomy.close();
    crowded.close();
  }

  private static GenerateRequest request(Kind kind, long seed) {
    GenerateRequest.Builder request =
        MillraceServerTest.request("It is easy, and it is", 200).toBuilder();
    request.getStopBuilder().setIgnoreEos(false);
    request.getSamplingBuilder().setTemperature(1.3f).setTopP(0.97f).setSeed(seed);
    request.getOutputBuilder().setTokens(true).setLogprobs(true).setTokensPerEvent(3);
    kind.into(request);
    return request.build();
  }

  private static List<GenerateRequest> requests() {
    return IntStream.range(0, EACH)
        .boxed()
        .flatMap(seed -> Stream.of(Kind.values()).map(kind -> request(kind, seed)))
        .toList();
  }

  private static Told alone(GenerateRequest request) {
    return told(toRoomy, request);
  }

  private static Told told(ManagedChannel channel, GenerateRequest request) {
    return new Told(Lists.newArrayList(MillraceServerTest.stub(channel).generate(request)));
  }

  private static List<Told> together(ManagedChannel channel, List<GenerateRequest> requests)
      throws Exception {
    try (ExecutorService callers = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Future<Told>> futures = new ArrayList<>();
      for (GenerateRequest request : requests) {
        futures.add(callers.submit(() -> told(channel, request)));
      }
      List<Told> told = new ArrayList<>();
      for (Future<Told> future : futures) {
        told.add(future.get());
      }
      return told;
    }
  }

  /**
   * Runs all at once where there is no room for all, until of each kind some gave their blocks up:
   * which ones is a matter of time.
   */
  private static void assertPreemptedSayTheSame(
      List<GenerateRequest> requests, List<List<GenerateResponse>> expected) throws Exception {
    Set<Kind> preempted = EnumSet.noneOf(Kind.class);
    for (int round = 0; round < 10 && preempted.size() < Kind.values().length; round++) {
      long before = MillraceServerTest.stats(toCrowded, "").getPreemptions();
      expectShortOutputs();
      List<Told> told = together(toCrowded, requests);
      for (int i = 0; i < requests.size(); i++) {
        assertThat(told.get(i).said()).as("%s", requests.get(i)).isEqualTo(expected.get(i));
        if (told.get(i).preemptions() > 0) {
          preempted.add(Kind.values()[i % Kind.values().length]);
        }
      }
      assertThat(MillraceServerTest.stats(toCrowded, "").getPreemptions() - before)
          .isEqualTo(told.stream().mapToInt(Told::preemptions).sum());
    }
    assertThat(preempted).containsExactly(Kind.values());
  }

  @Test
  void aStreamSaysTheSameAloneAmongOthersAndPreempted() throws Exception {
    List<GenerateRequest> requests = requests();
    List<List<GenerateResponse>> alone =
        requests.stream().map(request -> alone(request).said()).toList();
    assertThat(alone).doesNotHaveDuplicates();

    List<Told> among = together(toRoomy, requests);

    assertThat(MillraceServerTest.stats(toRoomy, "").getPreemptions()).isZero();
    assertThat(among.stream().map(Told::said).toList()).isEqualTo(alone);
    assertPreemptedSayTheSame(requests, alone);
  }

  @Test
  void aStreamTakenUpAgainInTheMiddleGoesOnToTheBitAlsoPreempted() throws Exception {
    List<GenerateRequest> requests = requests();
    List<GenerateRequest> resumed = new ArrayList<>();
    List<List<GenerateResponse>> missing = new ArrayList<>();
    Random random = new Random(11);
    for (GenerateRequest request : requests) {
      List<GenerateResponse> events = alone(request).events();
      int has = 2 + random.nextInt(events.size() / 3);
      resumed.add(behind(request, events, has));
      missing.add(new Told(events.subList(has, events.size())).said());
    }

    assertPreemptedSayTheSame(resumed, missing);
  }

  @Test
  void aStreamTakenUpAgainBehindAnyEventGoesOnToTheBit() {
    for (Kind kind : Kind.values()) {
      GenerateRequest request = request(kind, 3);
      List<GenerateResponse> events = alone(request).events();
      for (int has = 1; has < events.size() - 1; has += 3) {
        Told rest = alone(behind(request, events, has));

        assertThat(rest.said())
            .as("%s behind %d", kind, has)
            .isEqualTo(new Told(events.subList(has, events.size())).said());
      }
    }
  }

  private static GenerateRequest behind(
      GenerateRequest request, List<GenerateResponse> events, int has) {
    TokenIds.Builder ids = TokenIds.newBuilder();
    events.subList(0, has).forEach(event -> ids.addAllIds(event.getDelta().getTokenIdsList()));
    GenerateRequest.Builder resumed = request.toBuilder();
    resumed
        .getResumeBuilder()
        .setToken(events.getFirst().getStarted().getResumeToken())
        .addCandidates(ids)
        .setAfterSequenceNumber(has - 1);
    return resumed.build();
  }

  @Test
  void aCandidateIsTheSameOfThreeAsOfSixteenAlsoPreempted() throws Exception {
    for (Kind kind : Kind.values()) {
      Told three = told(toRoomy, candidates(kind, 3));
      Told sixteen = told(toRoomy, candidates(kind, 16));
      expectShortOutputs();
      Told preempted = told(toCrowded, candidates(kind, 16));

      assertThat(preempted.preemptions()).as("%s", kind).isPositive();
      assertThat(three.preemptions() + sixteen.preemptions()).isZero();
      for (int candidate = 0; candidate < 16; candidate++) {
        assertThat(said(preempted, candidate))
            .as("%s, candidate %d", kind, candidate)
            .isNotEmpty()
            .isEqualTo(said(sixteen, candidate))
            .isEqualTo(candidate < 3 ? said(three, candidate) : said(sixteen, candidate));
      }
    }
  }

  private static GenerateRequest candidates(Kind kind, int count) {
    return request(kind, 4).toBuilder().setCandidateCount(count).build();
  }

  private static List<GenerateResponse> said(Told told, int candidate) {
    return told.said().stream()
        .filter(e -> e.getDelta().getCandidate() + e.getFinished().getCandidate() == candidate)
        .map(event -> event.toBuilder().clearSequenceNumber().build())
        .toList();
  }
}
