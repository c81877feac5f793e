package dev.millrace.sampling;

import java.util.Arrays;

/** Pearson's test of counts against probabilities. */
final class ChiSquare {
  private ChiSquare() {}

  static double statistic(int[] counts, double[] probabilities) {
    double total = Arrays.stream(counts).sum();
    double sum = 0;
    for (int i = 0; i < counts.length; i++) {
      double expected = total * probabilities[i];
      sum += (counts[i] - expected) * (counts[i] - expected) / expected;
    }
    return sum;
  }
}
