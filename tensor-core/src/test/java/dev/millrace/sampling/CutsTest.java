package dev.millrace.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.vector.VectorKernels;
import dev.millrace.sampling.LogprobRequest.Kind;
import dev.millrace.sampling.SampledToken.Candidate;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import dev.millrace.tensor.Size;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.Map;
import java.util.Random;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Top-k, top-p and min-p; against NumPy they are held in deploy. */
class CutsTest {
  private static final int[] NONE = {};
  private static final History START = new History(NONE, 0, 0);

  @Test
  void ofEqualLogitsTopKKeepsTheLowestIds() {
    Matrix<LogitRows, Vocab> row = row(6, id -> id == 4 ? 2 : 1);

    assertThat(kept(row, settings(1, 3, 1, 0))).containsExactly(0, 1, 4);
  }

  @Test
  void topPKeepsTheOneThatReachesItAndNoMore() {
    Matrix<LogitRows, Vocab> row = row(4, id -> Math.log(new double[] {0.1, 0.4, 0.2, 0.3}[id]));

    assertThat(kept(row, settings(1, 0, 0.39f, 0))).containsExactly(1);
    assertThat(kept(row, settings(1, 0, 0.41f, 0))).containsExactly(1, 3);
    assertThat(kept(row, settings(1, 0, 0.89f, 0))).containsExactly(1, 2, 3);
    assertThat(kept(row, settings(1, 0, 0.91f, 0))).containsExactly(0, 1, 2, 3);
  }

  @Test
  void eachCutTakesWhatTheOneBeforeHasLeft() {
    Matrix<LogitRows, Vocab> row = row(4, id -> Math.log(new double[] {0.1, 0.4, 0.2, 0.3}[id]));

    // Of the two that top-k leaves, the first has 4/7.
    assertThat(kept(row, settings(1, 2, 0.56f, 0))).containsExactly(1);
    assertThat(kept(row, settings(1, 2, 0.58f, 0))).containsExactly(1, 3);
    assertThat(kept(row, settings(1, 0, 0.89f, 0.6f))).containsExactly(1, 3);
  }

  @Test
  void temperatureComesBeforeTheCuts() {
    Matrix<LogitRows, Vocab> row = row(3, id -> -id);

    assertThat(kept(row, settings(0.25f, 0, 0.9f, 0))).containsExactly(0);
    assertThat(kept(row, settings(4, 0, 0.9f, 0))).containsExactly(0, 1, 2);
    assertThat(kept(row, settings(0.25f, 0, 1, 0.2f))).containsExactly(0);
    assertThat(kept(row, settings(4, 0, 1, 0.2f))).containsExactly(0, 1, 2);
  }

  /**
   * Equal ones at zero, where floats are densest, far below the largest: no interval of values
   * ends.
   */
  @Test
  void aCutThroughThousandsOfEqualLogitsEndsAndKeepsTheLowestIds() {
    int vocabulary = 20_000;
    Matrix<LogitRows, Vocab> row =
        row(vocabulary, id -> id % 100 == 7 ? 1e6 : id % 2 == 0 ? 0 : -1e-30);
    int[] expected =
        IntStream.concat(
                IntStream.range(0, vocabulary).filter(id -> id % 100 == 7),
                IntStream.range(0, vocabulary).filter(id -> id % 2 == 0).limit(5_000))
            .sorted()
            .toArray();
    SamplingSettings settings = settings(1e6f, 5_200, 1, 0); // all have weight

    assertThat(kept(row, settings)).containsExactly(expected);
    assertThat(kept(row(vocabulary, _ -> 0), settings(1, 0, 0.25f, 0))).hasSize(5_000);
  }

  @Test
  void theLikeliestIsAlwaysKept() {
    Matrix<LogitRows, Vocab> row = row(5_000, id -> id == 4_999 ? Float.MAX_VALUE : id * -1e30);

    assertThat(kept(row, settings(1, 1, Float.MIN_VALUE, Math.nextDown(1f))))
        .containsExactly(4_999);
  }

  @Test
  void candidatesOfTheProcessedDistributionAreThoseThatAreKept() {
    Matrix<LogitRows, Vocab> row = row(100, id -> id * 0.5);
    SampledToken token =
        sampler(new ScalarKernels(), 100)
            .sample(
                row,
                0,
                settings(1, 3, 1, 0),
                0,
                START,
                NONE,
                null,
                new LogprobRequest(Kind.PROCESSED, 5));

    assertThat(token.top()).extracting(Candidate::id).containsExactly(99, 98, 97);
    assertThat(token.top().stream().mapToDouble(c -> Math.exp(c.logprob())).sum())
        .isCloseTo(1, within(1e-6));
  }

  @Test
  void drawnFrequenciesFollowWhatIsKept() {
    Random random = new Random(4);
    Matrix<LogitRows, Vocab> row = row(9_000, _ -> random.nextGaussian());
    Penalties penalties = new Penalties(1.3f, 0.5f, 0.5f, 0);
    Sampler sampler = sampler(new VectorKernels(), 9_000);
    int draws = 20_000;
    int[] tokens = IntStream.range(0, 50).toArray();
    History history = new History(tokens, 9, 50);
    SamplingSettings settings =
        new SamplingSettings(0.9f, 30, 0.8f, 0.02f, penalties, Map.of(5, 3f), 0);
    double[] all = sampler.probabilities(row, 0, settings, history, NONE, null);
    int[] ids = IntStream.range(0, 9_000).filter(id -> all[id] > 0).toArray();
    int[] counts = new int[9_000];
    for (int i = 0; i < draws; i++) {
      SamplingSettings seeded =
          new SamplingSettings(0.9f, 30, 0.8f, 0.02f, penalties, settings.logitBias(), i);
      counts[sampler.sample(row, 0, seeded, 0, history, NONE, null, LogprobRequest.NONE).id()]++;
    }

    int[] observed = Arrays.stream(ids).map(id -> counts[id]).toArray();
    double[] expected = Arrays.stream(ids).mapToDouble(id -> all[id]).toArray();
    assertThat(ids.length).isBetween(10, 30);
    assertThat(Arrays.stream(observed).sum()).isEqualTo(draws);
    // 29 degrees of freedom at most: one in a million is above 82.
    assertThat(ChiSquare.statistic(observed, expected)).isLessThan(82);
  }

  @Test
  void theVectorKernelsKeepTheSameToTheBit() {
    int vocabulary = 4_096 * 3 + 77;
    Random random = new Random(8);
    Sampler scalar = sampler(new ScalarKernels(), vocabulary);
    Sampler vector = sampler(new VectorKernels(), vocabulary);
    for (int i = 0; i < 60; i++) {
      float deviation = random.nextFloat() * 6;
      boolean ties = random.nextInt(3) == 0;
      Matrix<LogitRows, Vocab> row =
          row(
              vocabulary,
              _ -> {
                double logit = random.nextGaussian() * deviation;
                return ties ? Math.round(logit) : logit;
              });
      SamplingSettings settings =
          settings(
              0.1f + random.nextFloat() * 2,
              random.nextBoolean() ? 0 : random.nextInt(vocabulary),
              1 - random.nextFloat(),
              random.nextBoolean() ? 0 : random.nextFloat() * 0.2f);
      assertThat(vector.probabilities(row, 0, settings, START, NONE, null))
          .isEqualTo(scalar.probabilities(row, 0, settings, START, NONE, null));
      LogprobRequest request = new LogprobRequest(Kind.PROCESSED, 20);
      assertThat(vector.sample(row, 0, settings, 1, START, NONE, null, request))
          .isEqualTo(scalar.sample(row, 0, settings, 1, START, NONE, null, request));
    }
  }

  private static SamplingSettings settings(float temperature, int topK, float topP, float minP) {
    return new SamplingSettings(temperature, topK, topP, minP, Penalties.NONE, Map.of(), 3);
  }

  private static int[] kept(Matrix<LogitRows, Vocab> row, SamplingSettings settings) {
    double[] probabilities =
        sampler(new VectorKernels(), row.columns())
            .probabilities(row, 0, settings, START, NONE, null);
    return IntStream.range(0, probabilities.length).filter(id -> probabilities[id] > 0).toArray();
  }

  private static Sampler sampler(Kernels kernels, int vocabulary) {
    return new Sampler(kernels, vocabulary, Arena.ofAuto());
  }

  private static Matrix<LogitRows, Vocab> row(int vocabulary, IntToDoubleFunction logits) {
    Matrix<LogitRows, Vocab> row =
        Matrix.allocate(Arena.ofAuto(), new Size<>(1), new Size<>(vocabulary));
    for (int id = 0; id < vocabulary; id++) {
      row.set(0, id, (float) logits.applyAsDouble(id));
    }
    return row;
  }
}
