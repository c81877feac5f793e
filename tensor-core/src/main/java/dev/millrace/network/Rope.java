package dev.millrace.network;

import dev.millrace.kernel.Team;
import dev.millrace.network.NetworkConfig.RopeConfig;
import dev.millrace.network.NetworkConfig.RopeScaling;
import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.HeadDim;
import dev.millrace.tensor.Dim.Product;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Matrix;
import dev.millrace.tensor.Size;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Rotary position embedding (Su et al. 2021): turns each pair of a head's features by an angle that
 * grows with the position.
 */
final class Rope {
  private final Backend backend;
  private final int headDim;
  private final MemorySegment cosSin; // [positions][headDim/2][2]

  Rope(Backend backend, RopeConfig config, Size<HeadDim> headDim, int positions, Arena arena) {
    this.backend = backend;
    this.headDim = headDim.value();
    this.cosSin =
        arena.allocate((long) positions * headDim.value() * Float.BYTES, Matrix.ALIGNMENT);
    double[] frequencies = frequencies(config, headDim.value());
    backend
        .team()
        .run(
            (part, parts) ->
                fill(
                    cosSin,
                    frequencies,
                    Team.split(positions, part, parts),
                    Team.split(positions, part + 1, parts)));
  }

  private Rope(Backend backend, int headDim, MemorySegment cosSin) {
    this.backend = backend;
    this.headDim = headDim;
    this.cosSin = cosSin;
  }

  /** The same table, used by another team. */
  Rope on(Backend backend) {
    return new Rope(backend, headDim, cosSin);
  }

  /** Radians a position for each pair; 0 for the pairs that aren't rotated. */
  private static double[] frequencies(RopeConfig config, int headDim) {
    double[] frequencies = new double[headDim / 2];
    for (int i = 0; i < config.dimensions() / 2; i++) {
      double plain = StrictMath.pow(config.base(), -2.0 * i / config.dimensions());
      frequencies[i] =
          switch (config.scaling()) {
            case RopeScaling.None none -> plain;
            case RopeScaling.Linear linear -> plain / linear.factor();
            case RopeScaling.Frequencies perPair -> plain / perPair.divisors().get(i);
          };
    }
    return frequencies;
  }

  /** StrictMath: the same table on every machine. */
  private static void fill(MemorySegment cosSin, double[] frequencies, int from, int to) {
    for (int position = from; position < to; position++) {
      for (int i = 0; i < frequencies.length; i++) {
        double angle = position * frequencies[i];
        long at = ((long) position * frequencies.length + i) * 2;
        cosSin.setAtIndex(ValueLayout.JAVA_FLOAT, at, (float) StrictMath.cos(angle));
        cosSin.setAtIndex(ValueLayout.JAVA_FLOAT, at + 1, (float) StrictMath.sin(angle));
      }
    }
  }

  /** Rotates rows [from, to) of queries or keys in place. */
  <H extends Dim> void rotate(
      Matrix<Tokens, Product<H, HeadDim>> x, StepRows step, int from, int to) {
    int columns = x.columns();
    backend
        .kernels()
        .rope(x.data(), columns, columns / headDim, headDim, cosSin, step.positions(), from, to);
  }
}
