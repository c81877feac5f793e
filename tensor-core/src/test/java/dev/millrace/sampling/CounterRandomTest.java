package dev.millrace.sampling;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class CounterRandomTest {
  /** The authors' known answers for philox4x32-10 (Random123's kat_vectors). */
  @Test
  void givesThePublishedAnswers() {
    assertThat(CounterRandom.philox(0, 0, 0, 0, 0, 0))
        .containsExactly(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8);
    assertThat(CounterRandom.philox(-1, -1, -1, -1, -1, -1))
        .containsExactly(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd);
    assertThat(
            CounterRandom.philox(
                0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0))
        .containsExactly(0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1);
  }

  /** By an implementation of the same definition in another language. */
  @Test
  void everyBitOfSeedPositionAndCandidateCounts() {
    assertThat(CounterRandom.uniform(0, 0, 0)).isEqualTo(0.3990464708489645);
    assertThat(CounterRandom.uniform(0, 1, 0)).isEqualTo(0.9722412015223156);
    assertThat(CounterRandom.uniform(0, 1, 1)).isEqualTo(0.7909692895716754);
    assertThat(CounterRandom.uniform(1, 1, 0)).isEqualTo(0.6719982688953429);
    assertThat(CounterRandom.uniform(-1, 5, 15)).isEqualTo(0.5429220747469028);
    assertThat(CounterRandom.uniform(0x123456789abcdef0L, (1L << 33) + 7, 3))
        .isEqualTo(0.3060182282053949);
  }

  @Test
  void numbersAreEvenlySpreadAndIndependentOfTheNextPositionCandidateAndSeed() {
    int cells = 16;
    int draws = 64_000;
    int[][] counts = new int[3][cells * cells];
    for (int i = 0; i < draws; i++) {
      int x = cell(CounterRandom.uniform(9, i, 0), cells);
      counts[0][x * cells + cell(CounterRandom.uniform(9, i + 1, 0), cells)]++;
      counts[1][x * cells + cell(CounterRandom.uniform(9, i, 1), cells)]++;
      counts[2][x * cells + cell(CounterRandom.uniform(10, i, 0), cells)]++;
    }
    for (int[] pairs : counts) {
      double[] even = new double[cells * cells];
      Arrays.fill(even, 1.0 / even.length);
      // 255 degrees of freedom: mean 255, standard deviation 22.6; one in a million is above 374.
      assertThat(ChiSquare.statistic(pairs, even)).isBetween(150.0, 374.0);
    }
  }

  private static int cell(double uniform, int cells) {
    assertThat(uniform).isGreaterThanOrEqualTo(0).isLessThan(1);
    return (int) (uniform * cells);
  }
}
