package dev.millrace.sampling;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.sampling.LogprobRequest.Kind;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import dev.millrace.tensor.Size;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;

/**
 * Times one row of sampling on one core, in microseconds, by vocabulary. Rows of logits are flat
 * (Gaussian, deviation 1: thousands of ids carry weight), or peaked as a language model's mostly
 * are (deviation 3, and a few far above). Not a test; run it from tensor-core:
 *
 * <pre>
 *   mvn -q test-compile exec:exec -Dexec.executable=java -Dexec.classpathScope=test \
 *     -Dexec.args="--add-modules=jdk.incubator.vector -cp %classpath \
 *     dev.millrace.sampling.SamplerBenchmark TIER"
 * </pre>
 */
public final class SamplerBenchmark {
  private static final int ROWS = 8;
  private static final int ROUNDS = 9;
  private static final int CALLS = 100;

  private final Kernels kernels;

  private SamplerBenchmark(Kernels kernels) {
    this.kernels = kernels;
  }

  public static void main(String[] args) {
    SamplerBenchmark benchmark = new SamplerBenchmark(Tiers.choose(args[0]).kernels());
    for (int vocabulary : new int[] {49_152, 131_072, 262_144}) {
      for (boolean peaked : new boolean[] {true, false}) {
        benchmark.vocabulary(vocabulary, peaked);
      }
    }
  }

  private void vocabulary(int vocabulary, boolean peaked) {
    System.out.println(vocabulary + (peaked ? " ids, peaked" : " ids, flat"));
    try (Arena arena = Arena.ofShared()) {
      Sampler sampler = new Sampler(kernels, vocabulary, arena);
      Matrix<LogitRows, Vocab> rows = rows(vocabulary, peaked, arena);
      Penalties penalties = new Penalties(1.1f, 0.2f, 0.1f, 0);
      time("greedy", sampler, rows, settings(0, 0, 1, 0, Penalties.NONE), false, Kind.NONE);
      time("temperature", sampler, rows, settings(0.8f, 0, 1, 0, Penalties.NONE), false, Kind.NONE);
      time("top-k 40", sampler, rows, settings(0.8f, 40, 1, 0, Penalties.NONE), false, Kind.NONE);
      time(
          "top-k 5000",
          sampler,
          rows,
          settings(0.8f, 5000, 1, 0, Penalties.NONE),
          false,
          Kind.NONE);
      time(
          "top-p 0.95",
          sampler,
          rows,
          settings(0.8f, 0, 0.95f, 0, Penalties.NONE),
          false,
          Kind.NONE);
      time(
          "top-p 0.5", sampler, rows, settings(0.8f, 0, 0.5f, 0, Penalties.NONE), false, Kind.NONE);
      time(
          "min-p 0.05",
          sampler,
          rows,
          settings(0.8f, 0, 1, 0.05f, Penalties.NONE),
          false,
          Kind.NONE);
      time(
          "all three",
          sampler,
          rows,
          settings(0.8f, 40, 0.95f, 0.05f, Penalties.NONE),
          false,
          Kind.NONE);
      time(
          "and penalties",
          sampler,
          rows,
          settings(0.8f, 40, 0.95f, 0.05f, penalties),
          false,
          Kind.NONE);
      time(
          "and a mask",
          sampler,
          rows,
          settings(0.8f, 40, 0.95f, 0.05f, penalties),
          true,
          Kind.NONE);
      time("20 raw logprobs", sampler, rows, settings(0, 0, 1, 0, Penalties.NONE), false, Kind.RAW);
    }
  }

  private static SamplingSettings settings(
      float temperature, int topK, float topP, float minP, Penalties penalties) {
    return new SamplingSettings(temperature, topK, topP, minP, penalties, Map.of(), 1);
  }

  private static Matrix<LogitRows, Vocab> rows(int vocabulary, boolean peaked, Arena arena) {
    Matrix<LogitRows, Vocab> rows =
        Matrix.allocate(arena, new Size<>(ROWS), new Size<>(vocabulary));
    Random random = new Random(1);
    for (int row = 0; row < ROWS; row++) {
      for (int id = 0; id < vocabulary; id++) {
        rows.set(row, id, (float) random.nextGaussian() * (peaked ? 3 : 1));
      }
      for (int i = 0; peaked && i < 20; i++) {
        rows.set(row, random.nextInt(vocabulary), 20 - i * 0.7f);
      }
    }
    return rows;
  }

  private static void time(
      String what,
      Sampler sampler,
      Matrix<LogitRows, Vocab> rows,
      SamplingSettings settings,
      boolean masked,
      Kind kind) {
    int[] tokens = new Random(2).ints(4_096, 0, rows.columns()).toArray();
    long[] allowed = masked ? new long[rows.columns() / Long.SIZE] : null;
    if (allowed != null) {
      Arrays.fill(allowed, 0x0F0F_0F0F_0F0F_0F0FL);
    }
    LogprobRequest request = kind == Kind.NONE ? LogprobRequest.NONE : new LogprobRequest(kind, 20);
    double best = Double.POSITIVE_INFINITY;
    for (int round = 0; round < ROUNDS; round++) {
      long start = System.nanoTime();
      for (int call = 0; call < CALLS; call++) {
        History history = new History(tokens, 1_000, 2_000 + call);
        var _ =
            sampler.sample(rows, call % ROWS, settings, 0, history, new int[0], allowed, request);
      }
      best = Math.min(best, (System.nanoTime() - start) / 1e3 / CALLS);
    }
    System.out.printf("  %-20s %6.0f us%n", what, best);
  }
}
