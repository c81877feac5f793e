package dev.millrace.network;

import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.Ffn;
import dev.millrace.tensor.Matrix;

/** The feed-forward network's gate (Shazeer 2020): silu(gate)·up. */
final class SwiGlu extends RowWise {
  private final Backend backend;

  @SuppressWarnings("NullAway.Init") // set by each call
  private Matrix<?, Ffn> gate;

  @SuppressWarnings("NullAway.Init")
  private Matrix<?, Ffn> up;

  @SuppressWarnings("NullAway.Init")
  private Activations<?, Ffn> y;

  SwiGlu(Backend backend) {
    super(backend.team());
    this.backend = backend;
  }

  <R extends Dim> Activations<R, Ffn> apply(
      Matrix<R, Ffn> gate, Matrix<R, Ffn> up, Activations<R, Ffn> y) {
    this.gate = gate;
    this.up = up;
    this.y = y;
    runRows(gate.rows());
    return y;
  }

  @Override
  void rows(int from, int to) {
    long columns = gate.columns();
    backend
        .kernels()
        .swiglu(gate.data(), up.data(), y.values().data(), from * columns, to * columns);
    y.round(backend.kernels(), from, to);
  }
}
