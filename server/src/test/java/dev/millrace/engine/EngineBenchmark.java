package dev.millrace.engine;

import dev.millrace.sampling.SampledToken;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What a step costs beside the model: commands, plan, text, events, counters. {@link #main} runs 64
 * sequences that decode on a model that takes no time, and prints microseconds for each step. Run
 * it with the tests' class path.
 */
final class EngineBenchmark {
  private static final int SEQUENCES = 64;
  private static final int WARM_UP = 20_000;
  private static final int STEPS = 20_000;
  private static final SampledToken TOKEN = new SampledToken(2, Float.NaN, 0, List.of());

  private EngineBenchmark() {}

  /** Room for everything; keeps nothing. */
  private static final class Drain implements Outlet {
    private long events;

    @Override
    public int room() {
      return 8;
    }

    @Override
    public void emit(GenerationEvent event) {
      events++;
    }

    @Override
    public void complete() {}

    @Override
    public void fail(GenerationException failure) {
      // the end of the benchmark
    }
  }

  private static final class NoModel implements StepModel {
    @Override
    public int contextLength() {
      return 1 << 17;
    }

    @Override
    public List<List<SampledToken>> step(StepPlan plan) {
      return Collections.nCopies(plan.samples(), List.of(TOKEN));
    }

    @Override
    public void close() {}
  }

  public static void main(String[] arguments) {
    EngineSettings settings =
        new EngineSettings(1 << 17, 32, 512, SEQUENCES, SEQUENCES, Duration.ofSeconds(10));
    EngineLoop loop =
        new EngineLoop(settings, new NoModel(), new FakeTokenizer(), EngineClock.SYSTEM);
    Drain drain = new Drain();
    for (int i = 0; i < SEQUENCES; i++) {
      int first = i;
      int[] prompt = IntStream.range(0, 64).map(at -> 2 + (at * first) % 20).toArray();
      loop.submit(
          Requests.request().prompt(prompt).maxTokens(WARM_UP + STEPS + 1_000).build(), drain);
    }
    for (int i = 0; i < WARM_UP; i++) {
      loop.turn();
    }
    long events = drain.events;
    long begun = System.nanoTime();
    for (int i = 0; i < STEPS; i++) {
      loop.turn();
    }
    double micros = (System.nanoTime() - begun) / 1e3;
    System.out.printf(
        "%.1f µs a step, %.1f rows%n", micros / STEPS, (double) (drain.events - events) / STEPS);
    loop.close();
  }
}
