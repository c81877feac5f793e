package dev.millrace.engine;

/**
 * How long a step takes, learned while running: a constant, a part for each row, and one for each
 * position that a row attends to. Fitted by least squares of relative errors, in which old steps
 * count less and less. Steps with and without prefill fade apart, so that an hour of decoding
 * doesn't make it forget what prefill costs.
 */
final class CostModel {
  private static final int TERMS = 3;
  private static final double KEEP = 0.98; // of the weight of a step when the next one comes
  private static final double RIDGE = 1e-6; // keeps what was never told apart from being infinite
  private static final int ENOUGH_TO_REFUSE = 4; // steps

  /** Sums of x·xᵀ and x·y over steps, both divided by y². */
  private static final class Sums {
    final double[][] products = new double[TERMS][TERMS];
    final double[] targets = new double[TERMS];
    int steps;

    void add(double[] x, double y) {
      for (int i = 0; i < TERMS; i++) {
        for (int j = 0; j < TERMS; j++) {
          products[i][j] = KEEP * products[i][j] + x[i] * x[j] / (y * y);
        }
        targets[i] = KEEP * targets[i] + x[i] / y;
      }
      steps++;
    }
  }

  private final Sums decoding = new Sums();
  private final Sums prefilling = new Sums();
  private final double[] nanosPer = new double[TERMS]; // constant, row, attended position
  private double leastPerRow = Double.MAX_VALUE; // nanoseconds, of all steps made

  /**
   * A step was made.
   *
   * @param attended positions that its rows attend to, in sum
   */
  void observe(boolean hasPrefill, int rows, long attended, long nanos) {
    (hasPrefill ? prefilling : decoding)
        .add(new double[] {1, rows, attended}, (double) Math.max(nanos, 1_000));
    leastPerRow = Math.min(leastPerRow, (double) nanos / rows);
    fit();
  }

  /** Whether it knows anything of prefill. */
  boolean isFitted() {
    return prefilling.steps > 0;
  }

  /** Whether it has seen enough to refuse a request by it. */
  boolean isTrusted() {
    return prefilling.steps >= ENOUGH_TO_REFUSE;
  }

  double nanos(int rows, long attended) {
    return nanosPer[0] + nanosPer[1] * rows + nanosPer[2] * attended;
  }

  /**
   * What one more row costs that attends to so many positions. Where rows and positions always came
   * together, the fit may put all on one of them, and a row without the other would cost nothing:
   * so it is no less than a row's share was in the fullest steps.
   */
  double nanosForRow(double attended) {
    return Math.max(nanosPer[1] + nanosPer[2] * attended, isFitted() ? leastPerRow : 0);
  }

  /** No time is negative: a term that would be is left out, and the others are fitted again. */
  private void fit() {
    boolean[] out = new boolean[TERMS];
    for (int round = 0; round < TERMS; round++) {
      double[] solved = solve(out);
      int worst = -1;
      for (int i = 0; i < TERMS; i++) {
        if (solved[i] < 0 && (worst < 0 || solved[i] < solved[worst])) {
          worst = i;
        }
      }
      if (worst < 0) {
        System.arraycopy(solved, 0, nanosPer, 0, TERMS);
        return;
      }
      out[worst] = true;
    }
  }

  private double[] solve(boolean[] out) {
    double[][] a = new double[TERMS][TERMS + 1];
    for (int i = 0; i < TERMS; i++) {
      for (int j = 0; j < TERMS; j++) {
        boolean used = !out[i] && !out[j];
        a[i][j] = used ? decoding.products[i][j] + prefilling.products[i][j] : 0;
      }
      a[i][i] = out[i] ? 1 : a[i][i] * (1 + RIDGE);
      a[i][TERMS] = out[i] ? 0 : decoding.targets[i] + prefilling.targets[i];
    }
    return eliminate(a);
  }

  /** Gauss, with no need of pivots: the matrix is positive definite. */
  private static double[] eliminate(double[][] a) {
    for (int i = 0; i < TERMS; i++) {
      for (int row = i + 1; row < TERMS; row++) {
        double factor = a[i][i] == 0 ? 0 : a[row][i] / a[i][i];
        for (int column = i; column <= TERMS; column++) {
          a[row][column] -= factor * a[i][column];
        }
      }
    }
    double[] x = new double[TERMS];
    for (int i = TERMS - 1; i >= 0; i--) {
      double sum = a[i][TERMS];
      for (int j = i + 1; j < TERMS; j++) {
        sum -= a[i][j] * x[j];
      }
      x[i] = a[i][i] == 0 ? 0 : sum / a[i][i];
    }
    return x;
  }
}
