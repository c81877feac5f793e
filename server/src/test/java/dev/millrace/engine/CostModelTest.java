package dev.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class CostModelTest {
  private static final long MILLIS = 1_000_000;

  @Test
  void aRowIsNeverCheaperThanInTheFullestStepHoweverTimesAreExplained() {
    CostModel cost = new CostModel();
    cost.observe(true, 500, 125_000, 125 * MILLIS);
    for (int i = 0; i < 300; i++) { // here positions explain everything
      int rows = 8 + i % 20;
      long attended = rows * (1_000L + 50L * (i % 7));
      cost.observe(true, rows, attended, 6 * MILLIS + 400 * attended);
    }

    assertThat(cost.nanosForRow(0)).isGreaterThanOrEqualTo(0.25 * MILLIS);
  }
}
