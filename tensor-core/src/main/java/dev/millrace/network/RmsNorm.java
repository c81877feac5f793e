package dev.millrace.network;

import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.MemorySegment;

/** Root-mean-square normalization of each row, times one weight a feature. */
final class RmsNorm<C extends Dim> extends RowWise {
  private final Backend backend;
  private final MemorySegment weight; // [features]
  private final float epsilon;

  @SuppressWarnings("NullAway.Init") // set by each call
  private Matrix<?, C> x;

  @SuppressWarnings("NullAway.Init")
  private Activations<?, C> y;

  RmsNorm(Backend backend, MemorySegment weight, float epsilon) {
    super(backend.team());
    this.backend = backend;
    this.weight = weight;
    this.epsilon = epsilon;
  }

  /** The same weights, used by another team. */
  RmsNorm<C> on(Backend backend) {
    return new RmsNorm<>(backend, weight, epsilon);
  }

  <R extends Dim> Activations<R, C> apply(Matrix<R, C> x, Activations<R, C> y) {
    this.x = x;
    this.y = y;
    runRows(x.rows());
    return y;
  }

  @Override
  void rows(int from, int to) {
    backend.kernels().rmsNorm(x.data(), weight, epsilon, y.values().data(), x.columns(), from, to);
    y.round(backend.kernels(), from, to);
  }
}
