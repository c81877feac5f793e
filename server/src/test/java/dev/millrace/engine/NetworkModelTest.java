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
import dev.millrace.sampling.SampledToken;
import dev.millrace.sampling.Sampler;
import dev.millrace.synthetic.SyntheticModels;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.tokenizer.Tokenizers;
import java.lang.foreign.Arena;
import java.time.Duration;
import java.util.ArrayList;
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
}
