package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.gguf.GgufFile;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.kv.KvPool;
import dev.millrace.kv.KvType;
import dev.millrace.model.ModelFile;
import dev.millrace.network.Network;
import dev.millrace.network.NetworkConfig;
import dev.millrace.network.StepLimits;
import dev.millrace.sampling.Sampler;
import dev.millrace.tokenizer.Tokenizers;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * The scheduler on a real model: what a long prompt does to those that decode, and what prompts
 * with one beginning cost together. {@link #main} takes the path of a model and, if it isn't to be
 * the default, the time that a step may take (PT0.03S); it prints ratios of one run. Run it with
 * the tests' class path, alone on the machine.
 */
final class SchedulerFigures {
  private static final int BLOCK_SIZE = Kernels.ATTENTION_TILE;
  private static final int BLOCKS = 800;
  private static final int MAX_BATCH_TOKENS = 512;
  private static final int MAX_RUNNING = 64;
  private static final int ROUNDS = 5; // the compiler goes on in the first one

  // The longer a stream's context, the slower it decodes: so its times beside a prompt are compared
  // with those of the same tokens of streams that nobody disturbed.
  private static final int TOKENS_BEFORE = 450;
  private static final int TOKENS_COMPARED = 450;

  private SchedulerFigures() {}

  /** Keeps when Deltas came. */
  private static final class Times implements Outlet {
    private final long submitted = System.nanoTime();
    private final List<Long> deltas = new ArrayList<>();
    private long id;

    @Override
    public int room() {
      return 8;
    }

    @Override
    public synchronized void emit(GenerationEvent event) {
      if (event instanceof Delta) {
        deltas.add(System.nanoTime());
      }
    }

    @Override
    public void complete() {}

    @Override
    public void fail(GenerationException failure) {}

    synchronized int count() {
      return deltas.size();
    }

    synchronized double secondsToFirst() {
      return (deltas.getFirst() - submitted) / 1e9;
    }

    /** Milliseconds between tokens, those with the numbers [from, to). */
    synchronized double[] gaps(int from, int to) {
      return IntStream.range(from, Math.min(to, deltas.size()))
          .mapToDouble(i -> (deltas.get(i) - deltas.get(i - 1)) / 1e6)
          .toArray();
    }

    /** Milliseconds between tokens that came within [from, to). */
    synchronized double[] gaps(long from, long to) {
      return IntStream.range(1, deltas.size())
          .filter(i -> deltas.get(i) >= from && deltas.get(i) < to)
          .mapToDouble(i -> (deltas.get(i) - deltas.get(i - 1)) / 1e6)
          .toArray();
    }
  }

  private static EngineLoop start(Path path, Duration stepTarget) throws IOException {
    Kernels kernels = Tiers.choose(Tiers.AUTO).kernels();
    try (ModelFile file = GgufFile.open(path)) {
      NetworkConfig config = NetworkConfig.from(file);
      Team team = Team.of(Runtime.getRuntime().availableProcessors());
      Network network =
          Network.load(
              file,
              kernels,
              team,
              new StepLimits(MAX_BATCH_TOKENS, MAX_RUNNING, config.contextLength()));
      KvPool pool =
          new KvPool(
              config.layers(), config.kvHeads(), config.headDim(), BLOCKS, BLOCK_SIZE, KvType.F16);
      pool.prefault();
      Arena scratch = Arena.ofShared();
      List<Sampler> samplers =
          Stream.generate(() -> new Sampler(kernels, config.vocabulary(), scratch))
              .limit(team.size())
              .toList();
      NetworkModel model =
          new NetworkModel(
              network,
              pool,
              team,
              samplers,
              () -> {
                scratch.close();
                team.close();
              });
      return EngineLoop.start(
          new EngineSettings(
              BLOCKS,
              BLOCK_SIZE,
              MAX_BATCH_TOKENS,
              MAX_RUNNING,
              256,
              Duration.ofMinutes(1),
              new EngineSettings.Policy(
                  EngineSettings.Policy.DEFAULT.maxWaitingTokens(),
                  stepTarget,
                  EngineSettings.Policy.DEFAULT.stallTimeout(),
                  EngineSettings.Policy.DEFAULT.ageing())),
          model,
          Tokenizers.from(file.metadata()));
    }
  }

  private static Requests prompt(int salt, int length) {
    return Requests.request()
        .prompt(IntStream.range(0, length).map(i -> 100 + (i * 31 + salt * 977) % 40_000).toArray())
        .temperature(0);
  }

  private static Times submit(EngineLoop engine, Requests request) {
    Times times = new Times();
    times.id = engine.submit(request.build(), times);
    return times;
  }

  private static void await(Times times, int deltas) throws InterruptedException {
    while (times.count() < deltas) {
      Thread.sleep(1);
    }
  }

  private static double p99(Stream<double[]> parts) {
    double[] all = parts.flatMapToDouble(Arrays::stream).sorted().toArray();
    return all[(int) (0.99 * (all.length - 1))];
  }

  public static void main(String[] arguments) throws IOException, InterruptedException {
    Duration stepTarget = arguments.length > 1 ? Duration.parse(arguments[1]) : Duration.ZERO;
    try (EngineLoop engine = start(Path.of(arguments[0]), stepTarget)) {
      for (int i = 0; i < 4; i++) { // the compiler and the cost model warm up
        await(submit(engine, prompt(500 + i, 700).maxTokens(60)), 60);
      }
      for (int round = 0; round < ROUNDS; round++) {
        longPrompt(engine, round);
      }
      commonBeginning(engine);
    }
  }

  private static void longPrompt(EngineLoop engine, int round) throws InterruptedException {
    Times alone = submit(engine, prompt(1_000 + 2 * round, 4_000).maxTokens(1));
    await(alone, 1);
    List<Times> undisturbed = streams(engine, 16 * round);
    awaitAll(undisturbed, TOKENS_BEFORE + TOKENS_COMPARED);
    undisturbed.forEach(stream -> engine.cancel(stream.id));
    List<Times> streams = streams(engine, 16 * round + 8);
    awaitAll(streams, TOKENS_BEFORE);
    long arrived = System.nanoTime();
    long stepsBefore = engine.snapshot().steps();
    Times among = submit(engine, prompt(1_001 + 2 * round, 4_000).maxTokens(1));
    await(among, 1);
    long read = System.nanoTime();
    long steps = engine.snapshot().steps() - stepsBefore;
    int told = streams.getFirst().count();
    double before = p99(undisturbed.stream().map(stream -> stream.gaps(TOKENS_BEFORE, told)));
    double during = p99(streams.stream().map(stream -> stream.gaps(arrived, read)));
    System.out.printf(
        "8 streams: p99 between tokens %.1f ms, and %.1f ms beside 4,000 tokens that are read:"
            + " %.2f%n",
        before, during, during / before);
    System.out.printf(
        "%d steps of %.1f ms and %.1f tokens of the prompt%n",
        steps, (read - arrived) / 1e6 / steps, 4_000.0 / steps);
    System.out.printf(
        "4,000 tokens: first token after %.2f s alone, %.2f s beside them: %.2f%n",
        alone.secondsToFirst(),
        among.secondsToFirst(),
        among.secondsToFirst() / alone.secondsToFirst());
    for (Times stream : streams) {
      engine.cancel(stream.id);
    }
  }

  /** Until then the last step may not be counted yet. */
  private static void awaitIdle(EngineLoop engine) throws InterruptedException {
    while (engine.snapshot().runningSequences() > 0) {
      Thread.sleep(1);
    }
  }

  private static List<Times> streams(EngineLoop engine, int salt) {
    return IntStream.range(0, 8)
        .mapToObj(i -> submit(engine, prompt(2_000 + salt + i, 50).maxTokens(1_200)))
        .toList();
  }

  private static void awaitAll(List<Times> all, int deltas) throws InterruptedException {
    for (Times times : all) {
      await(times, deltas);
    }
  }

  private static void commonBeginning(EngineLoop engine) throws InterruptedException {
    Times one = submit(engine, prompt(3, 1_020).maxTokens(1));
    await(one, 1);
    awaitIdle(engine);
    long computed = engine.snapshot().prefillTokensComputed();
    List<Times> all = new ArrayList<>();
    for (int i = 0; i < 32; i++) {
      int[] tokens = prompt(4, 1_020).build().prompt();
      for (int own = 1_000; own < 1_020; own++) {
        tokens[own] = 200 + 20 * i + own;
      }
      all.add(submit(engine, Requests.request().prompt(tokens).temperature(0).maxTokens(8)));
    }
    awaitAll(all, 1);
    awaitIdle(engine);
    long prefill = engine.snapshot().prefillTokensComputed() - computed;
    double last = all.stream().mapToDouble(Times::secondsToFirst).max().orElseThrow();
    System.out.printf(
        "32 prompts with 1,000 of 1,020 tokens in common: %d computed, %.2f of 1,000 + 32 * 20;"
            + " the last first token after %.2f s, %.1f times one prompt's%n",
        prefill, prefill / 1_640.0, last, last / one.secondsToFirst());
  }
}
