package dev.millrace.sampling;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

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
import java.util.Comparator;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SamplerTest {
  private static final SamplingSettings GREEDY = SamplingSettings.of(0, 1);
  private static final int[] NONE_FORBIDDEN = {};
  private static final int[] TOKENS = new int[12_000];

  @Test
  void greedyTakesTheLargestLogitAndOfEqualOnesTheLowestId() {
    assertThat(greedy(row(1, 3, 2)).id()).isEqualTo(1);
    assertThat(greedy(row(-5, 7, 0, 7, 7)).id()).isEqualTo(1);
    assertThat(greedy(row(-1, -1)).id()).isZero();
  }

  @Test
  void forbiddenIdsAreNeverChosenNorRanked() {
    Matrix<LogitRows, Vocab> logits = row(1, 9, 3, 8, 3);
    int[] forbidden = {1, 3};
    SampledToken greedy =
        sample(logits, GREEDY, 0, forbidden, new LogprobRequest(Kind.PROCESSED, 20));
    assertThat(greedy.id()).isEqualTo(2);
    assertThat(greedy.rank()).isEqualTo(1);
    assertThat(greedy.top()).extracting(Candidate::id).containsExactly(2, 4, 0);
    // The model's own distribution knows no prohibition.
    SampledToken raw = sample(logits, GREEDY, 0, forbidden, new LogprobRequest(Kind.RAW, 2));
    assertThat(raw.rank()).isEqualTo(3);
    assertThat(raw.top()).extracting(Candidate::id).containsExactly(1, 3);
    // Unless it is shown to somebody who chooses: the same probabilities, of what there is to
    // choose.
    LogprobRequest toChoose = new LogprobRequest(Kind.RAW, 4, true);
    List<Candidate> all =
        sample(logits, GREEDY, 0, new int[0], new LogprobRequest(Kind.RAW, 5)).top();
    assertThat(sample(logits, GREEDY, 0, forbidden, toChoose).top())
        .containsExactly(all.get(2), all.get(3), all.get(4))
        .extracting(Candidate::id)
        .containsExactly(2, 4, 0);
    for (int position = 0; position < 1_000; position++) {
      assertThat(
              sample(
                      logits,
                      SamplingSettings.of(1e30f, 3),
                      position,
                      forbidden,
                      LogprobRequest.NONE)
                  .id())
          .isIn(0, 2, 4);
    }
    assertThat(greedy(logits).id()).as("the logits are as they were").isEqualTo(1);
  }

  @Test
  void choosesNothingWhereEveryIdIsForbidden() {
    assertThat(sample(row(1, 2), GREEDY, 0, new int[] {0, 1}, LogprobRequest.NONE).id())
        .isEqualTo(-1);
  }

  @ParameterizedTest
  @ValueSource(floats = {Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY})
  void aRowThatIsntFiniteGivesNoTokenAndItsNeighboursTheSameAsAlone(float broken) {
    Matrix<LogitRows, Vocab> logits = matrix(3, 5_000);
    Random random = new Random(1);
    for (int row = 0; row < 3; row++) {
      for (int id = 0; id < 5_000; id++) {
        logits.set(row, id, random.nextFloat());
      }
    }
    Sampler sampler = sampler(5_000);
    SamplingSettings settings = SamplingSettings.of(1, 5);
    LogprobRequest request = new LogprobRequest(Kind.RAW, 3);
    List<SampledToken> before =
        List.of(
            sampler.sample(logits, 0, settings, 0, at(7), NONE_FORBIDDEN, null, request),
            sampler.sample(logits, 2, settings, 0, at(7), NONE_FORBIDDEN, null, request));

    logits.set(1, 4_999, broken);
    SampledToken none =
        sampler.sample(logits, 1, settings, 0, at(7), new int[] {4_999}, null, request);
    assertThat(none.id()).isEqualTo(-1);
    assertThat(none.top()).isEmpty();
    assertThat(sampler.sample(logits, 0, settings, 0, at(7), NONE_FORBIDDEN, null, request))
        .isEqualTo(before.get(0));
    assertThat(sampler.sample(logits, 2, settings, 0, at(7), NONE_FORBIDDEN, null, request))
        .isEqualTo(before.get(1));
  }

  /**
   * The ids were computed apart, in float64 and another language, from the definition: Philox, the
   * inverse of the cumulative distribution. None is nearer than 10⁻⁵ to a boundary.
   */
  @ParameterizedTest
  @CsvSource({
    "0, 0, 0, 1.0, 4131",
    "0, 1, 0, 1.0, 9668",
    "0, 1, 1, 1.0, 8104",
    "1, 1, 0, 1.0, 6730",
    "-1, 5, 15, 0.7, 5065",
    "42, 100, 0, 0.3, 5065",
    "42, 102, 0, 2.0, 1445",
    "7, 8191, 2, 1.5, 3744",
  })
  void drawsAreFixedBySeedPositionAndCandidate(
      long seed, int position, int candidate, float temperature, int id) {
    Matrix<LogitRows, Vocab> logits = matrix(1, 10_000);
    for (int i = 0; i < 10_000; i++) {
      logits.set(0, i, (float) (StrictMath.sin(i * 0.37) * 3 + (i % 1013 == 0 ? 5 : 0)));
    }
    SamplingSettings settings = SamplingSettings.of(temperature, seed);
    assertThat(
            sampler(10_000)
                .sample(
                    logits,
                    0,
                    settings,
                    candidate,
                    at(position),
                    NONE_FORBIDDEN,
                    null,
                    LogprobRequest.NONE)
                .id())
        .isEqualTo(id);
  }

  @ParameterizedTest
  @ValueSource(floats = {0.5f, 1, 1.7f})
  void drawnFrequenciesFollowTheDistribution(float temperature) {
    // Ids on both sides of a segment's border.
    int first = 4_090;
    int kinds = 12;
    Matrix<LogitRows, Vocab> logits = matrix(1, 4_200);
    for (int id = 0; id < 4_200; id++) {
      logits.set(0, id, -1_000);
    }
    double[] probabilities = new double[kinds];
    for (int i = 0; i < kinds; i++) {
      float logit = (i * 7 % kinds) * 0.25f;
      logits.set(0, first + i, logit);
      probabilities[i] = Math.exp(logit / temperature);
    }
    double total = Arrays.stream(probabilities).sum();
    int[] counts = new int[kinds];
    Sampler sampler = sampler(4_200);
    SamplingSettings settings = SamplingSettings.of(temperature, 77);
    for (int position = 0; position < 12_000; position++) {
      SampledToken token =
          sampler.sample(
              logits, 0, settings, 0, at(position), NONE_FORBIDDEN, null, LogprobRequest.NONE);
      counts[token.id() - first]++;
    }
    // 11 degrees of freedom: one in a million is above 49.
    assertThat(
            ChiSquare.statistic(counts, Arrays.stream(probabilities).map(p -> p / total).toArray()))
        .isLessThan(49);
  }

  @Test
  void theVectorKernelsDrawTheSameToTheBit() {
    int vocabulary = 4_096 + 77;
    Matrix<LogitRows, Vocab> logits = matrix(1, vocabulary);
    Random random = new Random(6);
    Sampler scalar = new Sampler(new ScalarKernels(), vocabulary, Arena.ofAuto());
    Sampler vector = new Sampler(new VectorKernels(), vocabulary, Arena.ofAuto());
    for (int position = 0; position < 200; position++) {
      for (int id = 0; id < vocabulary; id++) {
        logits.set(0, id, (float) random.nextGaussian() * 5);
      }
      SamplingSettings settings = SamplingSettings.of(random.nextInt(4) * 0.6f, 5);
      int[] forbidden = random.ints(random.nextInt(3), 0, vocabulary).toArray();
      LogprobRequest request = new LogprobRequest(Kind.PROCESSED, 5);
      assertThat(vector.sample(logits, 0, settings, 0, at(position), forbidden, null, request))
          .isEqualTo(scalar.sample(logits, 0, settings, 0, at(position), forbidden, null, request));
    }
  }

  @Test
  void atATemperatureNearZeroTheDrawIsGreedy() {
    Matrix<LogitRows, Vocab> logits = row(1e6f, 2e6f, -3e6f);
    for (float temperature : new float[] {Float.MIN_VALUE, 1e-38f, 1e-3f}) {
      SamplingSettings settings = SamplingSettings.of(temperature, 4);
      assertThat(
              sample(logits, settings, 9, NONE_FORBIDDEN, new LogprobRequest(Kind.PROCESSED, 2))
                  .id())
          .isEqualTo(1);
    }
  }

  @ParameterizedTest
  @CsvSource({"RAW, 0.7", "PROCESSED, 0.7", "PROCESSED, 0", "RAW, 0"})
  void logprobsRanksAndCandidatesEqualThoseOfTheDefinition(Kind kind, float temperature) {
    int vocabulary = 9_000;
    Matrix<LogitRows, Vocab> logits = matrix(1, vocabulary);
    Random random = new Random(3);
    for (int id = 0; id < vocabulary; id++) {
      logits.set(0, id, Math.round(random.nextGaussian() * 40) / 8f); // Many ties.
    }
    double divisor = kind == Kind.PROCESSED && temperature > 0 ? temperature : 1;
    double sum =
        IntStream.range(0, vocabulary)
            .mapToDouble(id -> Math.exp(logits.get(0, id) / divisor))
            .sum();
    int[] order =
        IntStream.range(0, vocabulary)
            .boxed()
            .sorted(Comparator.comparingDouble(id -> -logits.get(0, id)))
            .mapToInt(id -> id)
            .toArray();
    Sampler sampler = sampler(vocabulary);
    for (int position = 0; position < 20; position++) {
      SampledToken token =
          sampler.sample(
              logits,
              0,
              SamplingSettings.of(temperature, 8),
              0,
              at(position),
              NONE_FORBIDDEN,
              null,
              new LogprobRequest(kind, 20));
      assertThat((double) token.logprob())
          .isCloseTo(logits.get(0, token.id()) / divisor - Math.log(sum), within(1e-5));
      assertThat(order[token.rank() - 1]).isEqualTo(token.id());
      assertThat(token.top())
          .extracting(Candidate::id)
          .containsExactlyElementsOf(Arrays.stream(order).limit(20).boxed().toList());
      assertThat((double) token.top().get(19).logprob())
          .isCloseTo(logits.get(0, order[19]) / divisor - Math.log(sum), within(1e-5));
    }
  }

  @Test
  void refusesWhatMakesNoSense() {
    assertThatThrownBy(() -> SamplingSettings.of(Float.NaN, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> SamplingSettings.of(-0.1f, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new LogprobRequest(Kind.RAW, 21)).hasMessageContaining("0 to 20");
    assertThatThrownBy(() -> new LogprobRequest(Kind.NONE, 1)).hasMessageContaining("0 to 0");
    assertThatThrownBy(
            () ->
                sampler(3)
                    .sample(
                        row(1, 2), 0, GREEDY, 0, at(0), NONE_FORBIDDEN, null, LogprobRequest.NONE))
        .hasMessageContaining("2 tokens");
  }

  private static SampledToken greedy(Matrix<LogitRows, Vocab> logits) {
    return sample(logits, GREEDY, 0, NONE_FORBIDDEN, LogprobRequest.NONE);
  }

  private static SampledToken sample(
      Matrix<LogitRows, Vocab> logits,
      SamplingSettings settings,
      int position,
      int[] forbidden,
      LogprobRequest request) {
    return sampler(logits.columns())
        .sample(logits, 0, settings, 0, at(position), forbidden, null, request);
  }

  private static History at(int position) {
    return new History(TOKENS, 0, position);
  }

  private static Sampler sampler(int vocabulary) {
    return new Sampler(new ScalarKernels(), vocabulary, Arena.ofAuto());
  }

  private static Matrix<LogitRows, Vocab> row(float... logits) {
    Matrix<LogitRows, Vocab> matrix = matrix(1, logits.length);
    for (int i = 0; i < logits.length; i++) {
      matrix.set(0, i, logits[i]);
    }
    return matrix;
  }

  private static Matrix<LogitRows, Vocab> matrix(int rows, int vocabulary) {
    return Matrix.allocate(Arena.ofAuto(), new Size<>(rows), new Size<>(vocabulary));
  }
}
