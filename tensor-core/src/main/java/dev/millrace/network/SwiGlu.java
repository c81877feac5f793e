package dev.millrace.network;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.Ffn;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Matrix;

/**
 * The feed-forward network's first half, silu(gate(x))·up(x) (Shazeer 2020). Split over the team by
 * outputs to the end: what a core makes of gate and up it need not fetch from another's cache.
 */
final class SwiGlu implements Team.Task {
  private final Backend backend;
  private final Linear<Hidden, Ffn> gate;
  private final Linear<Hidden, Ffn> up;

  @SuppressWarnings("NullAway.Init") // set by each call
  private Activations<?, Hidden> x;

  @SuppressWarnings("NullAway.Init")
  private Matrix<?, Ffn> g;

  @SuppressWarnings("NullAway.Init")
  private Matrix<?, Ffn> u;

  @SuppressWarnings("NullAway.Init")
  private Activations<?, Ffn> y;

  SwiGlu(Backend backend, Linear<Hidden, Ffn> gate, Linear<Hidden, Ffn> up) {
    this.backend = backend;
    this.gate = gate;
    this.up = up;
  }

  /** The same weights, used by another team. */
  SwiGlu on(Backend backend) {
    return new SwiGlu(backend, gate.on(backend), up.on(backend));
  }

  /** Writes gate(x) into g and up(x) into u on the way; y may share g's memory. Returns y. */
  <R extends Dim> Activations<R, Ffn> apply(
      Activations<R, Hidden> x, Matrix<R, Ffn> g, Matrix<R, Ffn> u, Activations<R, Ffn> y) {
    this.x = x;
    this.g = g;
    this.u = u;
    this.y = y;
    if (g.rows() > 0) {
      backend.team().run(this);
    }
    return y;
  }

  @Override
  public int shares() {
    return Linear.shares(gate.parts(g.rows()) + up.parts(g.rows()), backend.team());
  }

  @Override
  public void run(int part, int parts) {
    int columns = g.columns();
    int from = Linear.firstOutput(columns, part, parts);
    int to = Linear.firstOutput(columns, part + 1, parts);
    if (from >= to) {
      return;
    }
    gate.multiply(x, g, from, to);
    up.multiply(x, u, from, to);
    Kernels kernels = backend.kernels();
    for (int row = 0; row < g.rows(); row++) {
      long start = (long) row * columns;
      kernels.swiglu(g.data(), u.data(), y.values().data(), start + from, start + to);
    }
    y.round(kernels, 0, g.rows(), from, to);
  }
}
