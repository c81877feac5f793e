package dev.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kv.KvPool;
import dev.millrace.model.ModelFile;
import dev.millrace.network.Network;
import dev.millrace.network.NetworkConfig;
import dev.millrace.network.StepLimits;
import dev.millrace.request.GenerationRequest.SchedulingSettings;
import dev.millrace.sampling.SampledToken;
import dev.millrace.sampling.Sampler;
import dev.millrace.synthetic.SyntheticModels;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.tokenizer.Tokenizers;
import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The engine on a real network, small and random: every bit must be that of a run alone. */
class NetworkModelTest {
  private static final int BLOCK_SIZE = Kernels.ATTENTION_TILE;
  private static final int BLOCKS = 16;

  private static EngineLoop engine(int threads, int maxBatchTokens, int maxRunning) {
    try (ModelFile file = SyntheticModels.tiny()) {
      Kernels kernels = new ScalarKernels();
      NetworkConfig config = NetworkConfig.from(file);
      Tokenizer tokenizer = Tokenizers.from(file.metadata());
      Team team = Team.of(threads);
      Arena scratch = Arena.ofShared();
      Network network =
          Network.load(
              file, kernels, team, new StepLimits(maxBatchTokens, maxRunning, BLOCKS * BLOCK_SIZE));
      KvPool pool =
          new KvPool(config.layers(), config.kvHeads(), config.headDim(), BLOCKS, BLOCK_SIZE);
      List<Sampler> samplers =
          Stream.generate(() -> new Sampler(kernels, config.vocabulary(), scratch))
              .limit(threads)
              .toList();
      return new EngineLoop(
          new EngineSettings(
              BLOCKS, BLOCK_SIZE, maxBatchTokens, maxRunning, 16, Duration.ofMinutes(1)),
          new NetworkModel(
              network,
              pool,
              team,
              samplers,
              () -> {
                scratch.close();
                team.close();
              }),
          tokenizer,
          new VirtualClock());
    }
  }

  /** The events of requests that run together. */
  private static List<List<GenerationEvent>> run(EngineLoop engine, List<Requests> requests) {
    List<RecordingOutlet> outlets = new ArrayList<>();
    for (Requests request : requests) {
      RecordingOutlet outlet = new RecordingOutlet();
      outlets.add(outlet);
      engine.submit(request.build(), outlet);
    }
    while (engine.turn()) {
      engine.check();
    }
    engine.close();
    assertThat(outlets).allMatch(outlet -> outlet.ends() == 1 && outlet.failure().isEmpty());
    return outlets.stream().map(RecordingOutlet::events).toList();
  }

  private static List<GenerationEvent> alone(Requests request) {
    return run(engine(1, 128, 1), List.of(request)).getFirst();
  }

  private static Requests request(int index) {
    return Requests.request()
        .prompt(IntStream.range(0, 1 + 9 * index).map(i -> 3 + (i * 7 + index) % 256).toArray())
        .seed(index)
        .temperature(index % 3) // every third is greedy
        .topCandidates(index % 4)
        .minTokens(index)
        .ignoreEos(false)
        .maxTokens(20);
  }

  @Test
  void requestsInOneBatchGiveTheBitsOfEachAlone() {
    List<Requests> requests = IntStream.range(0, 8).mapToObj(NetworkModelTest::request).toList();
    // Few rows a step: long prompts go in chunks, and some steps want no logits at all.
    List<List<GenerationEvent>> together = run(engine(2, 16, 8), requests);

    for (int i = 0; i < requests.size(); i++) {
      List<GenerationEvent> alone = alone(requests.get(i));
      assertThat(together.get(i)).as("request " + i).isEqualTo(alone);
    }
  }

  @Test
  void aStreamThatIsTakenUpAgainGoesOnBitForBit() {
    List<Delta> whole = deltas(alone(request(4)));
    for (int has = 1; has < whole.size(); has += 3) {
      List<Integer> known =
          whole.subList(0, has).stream()
              .flatMap(delta -> delta.tokens().stream())
              .map(SampledToken::id)
              .toList();
      List<Delta> rest = deltas(alone(request(4).resume(known, 1 + has)));
      assertThat(rest).isEqualTo(whole.subList(has, whole.size()));
    }
  }

  private static List<Delta> deltas(List<GenerationEvent> events) {
    return events.stream().filter(Delta.class::isInstance).map(Delta.class::cast).toList();
  }

  /** Deltas of one candidate. */
  private static List<Delta> deltas(List<GenerationEvent> events, int candidate) {
    return deltas(events).stream().filter(delta -> delta.candidate() == candidate).toList();
  }

  @Test
  void whatIsSharedCopiedGivenUpAndComputedAgainHasTheSameBits() {
    int[] beginning = IntStream.range(0, 75).map(i -> 3 + i * 11 % 250).toArray();
    List<Requests> requests = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      int[] prompt = Arrays.copyOf(beginning, 70 + i);
      prompt[prompt.length - 1] = 200 + i;
      requests.add(
          Requests.request()
              .prompt(prompt)
              .seed(i)
              .topCandidates(2)
              .candidates(1 + i % 3)
              .stops("no such text") // so that nobody knows how long it gets
              .maxTokens(300));
    }
    // 16 blocks for 7 sequences of up to 12 each, of which they share two.
    EngineLoop engine = engine(2, 32, 8);
    List<List<GenerationEvent>> together = run(engine, requests);

    EngineSnapshot end = engine.snapshot();
    assertThat(end.cachedPromptTokens()).isPositive();
    assertThat(end.preemptions()).isPositive();
    for (int i = 0; i < requests.size(); i++) {
      List<GenerationEvent> alone = alone(requests.get(i));
      for (int candidate = 0; candidate <= i % 3; candidate++) {
        assertThat(deltas(together.get(i), candidate))
            .as("request %d, candidate %d", i, candidate)
            .isEqualTo(deltas(alone, candidate));
      }
    }
  }

  @Test
  void aConversationGoesOnWithTheBitsOfAPromptThatIsReadAtOnce() {
    EngineLoop engine = engine(2, 32, 8);
    long session = engine.openSession();
    SchedulingSettings warm = SchedulingSettings.DEFAULT.withSession(session);
    Requests first = request(4).scheduling(warm);
    RecordingOutlet answer = new RecordingOutlet();
    engine.submit(first.build(), answer);
    while (engine.turn()) {}
    int[] next =
        IntStream.concat(
                IntStream.concat(
                    IntStream.of(first.build().prompt()),
                    answer.tokens().stream().mapToInt(Integer::intValue).limit(7)),
                IntStream.of(9, 8, 7))
            .toArray();
    List<GenerationEvent> second =
        run(engine, List.of(request(4).prompt(next).scheduling(warm))).getFirst();

    assertThat(second.get(1))
        .isEqualTo(new GenerationEvent.PromptProcessed(first.build().prompt().length + 7));
    assertThat(deltas(second)).isEqualTo(deltas(alone(request(4).prompt(next))));
  }
}
