package dev.millrace.network;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.kernel.Weights;
import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Matrix;
import org.jspecify.annotations.Nullable;

/**
 * Weights that map In features to Out features, y = x·Wᵀ, whatever their storage. Split over the
 * team by outputs.
 */
final class Linear<In extends Dim, Out extends Dim> implements Team.Task {
  /** Of weights, for a part of the work: some 10 µs of reading from memory. */
  private static final long PART_BYTES = 256 << 10;

  private final Backend backend;

  @SuppressWarnings("NullAway.Init") // come when they are packed
  private Weights weights;

  @SuppressWarnings("NullAway.Init") // set by each call
  private Activations<?, In> x;

  @SuppressWarnings("NullAway.Init")
  private Matrix<?, Out> y;

  private @Nullable Matrix<?, Out> sum;

  Linear(Backend backend) {
    this.backend = backend;
  }

  /** The weights, once they are packed. */
  void take(Weights packed) {
    weights = packed;
  }

  /** The same weights, once they are packed, used by another team. */
  Linear<In, Out> on(Backend backend) {
    Linear<In, Out> linear = new Linear<>(backend);
    linear.take(weights);
    return linear;
  }

  /** y = x·Wᵀ; returns y. */
  <R extends Dim> Matrix<R, Out> apply(Activations<R, In> x, Matrix<R, Out> y) {
    if (y.rows() > 0) {
      backend.team().run(task(x, y));
    }
    return y;
  }

  /** y = x·Wᵀ, to be run by the team, maybe together with others. */
  <R extends Dim> Team.Task task(Activations<R, In> x, Matrix<R, Out> y) {
    this.x = x;
    this.y = y;
    this.sum = null;
    return this;
  }

  /** residual += x·Wᵀ, the product being rounded into y first. */
  <R extends Dim> void addTo(Matrix<R, Out> residual, Activations<R, In> x, Matrix<R, Out> y) {
    this.x = x;
    this.y = y;
    this.sum = residual;
    backend.team().run(this);
  }

  @Override
  public int shares() {
    return Math.clamp(weights.bytes() / backend.team().size() / PART_BYTES, 1, Team.MAX_SHARES);
  }

  @Override
  public void run(int part, int parts) {
    int groups = Math.ceilDiv(weights.rows(), Kernels.ROW_GROUP);
    int from = Team.split(groups, part, parts) * Kernels.ROW_GROUP;
    int to = Math.min(Team.split(groups, part + 1, parts) * Kernels.ROW_GROUP, weights.rows());
    if (from >= to) {
      return;
    }
    int rows = y.rows();
    int columns = y.columns();
    Kernels kernels = backend.kernels();
    kernels.multiply(weights, x.values().data(), x.rounded(), rows, y.data(), columns, from, to);
    if (sum != null) {
      for (int row = 0; row < rows; row++) {
        long start = (long) row * columns;
        kernels.add(sum.data(), y.data(), start + from, start + to);
      }
    }
  }
}
