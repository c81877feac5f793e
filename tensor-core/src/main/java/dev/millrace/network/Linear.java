package dev.millrace.network;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.kernel.Weights;
import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Weights that map In features to Out features, y = x·Wᵀ, whatever their storage. Split over the
 * team by outputs.
 */
final class Linear<In extends Dim, Out extends Dim> implements Team.Task {
  /** Of weights, for a part of the work: some 10 µs of reading from memory. */
  private static final long PART_BYTES = 256 << 10;

  /** With many rows: some 10 to 40 µs of computing. */
  private static final long PART_MULTIPLY_ADDS = 3_000_000;

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
    return shares(parts(y.rows()), backend.team());
  }

  static int shares(long parts, Team team) {
    return Math.clamp(parts / team.size(), 1, Team.MAX_SHARES);
  }

  /** Into how many parts a product with so many rows is worth splitting. */
  long parts(int rows) {
    long multiplyAdds = (long) rows * weights.rows() * weights.columns();
    return Math.max(weights.bytes() / PART_BYTES, multiplyAdds / PART_MULTIPLY_ADDS);
  }

  @Override
  public void run(int part, int parts) {
    int from = firstOutput(weights.rows(), part, parts);
    int to = firstOutput(weights.rows(), part + 1, parts);
    if (from >= to) {
      return;
    }
    multiply(x, y, from, to);
    if (sum != null) {
      for (int row = 0; row < y.rows(); row++) {
        long start = (long) row * y.columns();
        backend.kernels().add(sum.data(), y.data(), start + from, start + to);
      }
    }
  }

  /** Where a part of the outputs begins: with a whole {@link Kernels#ROW_GROUP}. */
  static int firstOutput(int outputs, int part, int parts) {
    int groups = Math.ceilDiv(outputs, Kernels.ROW_GROUP);
    return Math.min(Team.split(groups, part, parts) * Kernels.ROW_GROUP, outputs);
  }

  /** Outputs [from, to) of y = x·Wᵀ; from is a multiple of {@link Kernels#ROW_GROUP}. */
  void multiply(Activations<?, In> x, Matrix<?, Out> y, int from, int to) {
    MemorySegment values = x.values().data();
    backend
        .kernels()
        .multiply(weights, values, x.rounded(), y.rows(), y.data(), y.columns(), from, to);
  }
}
