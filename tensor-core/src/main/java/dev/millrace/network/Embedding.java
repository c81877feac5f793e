package dev.millrace.network;

import dev.millrace.kernel.Weights;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;

/** Tokens to vectors: a row of the table for each. */
final class Embedding extends RowWise {
  private final Backend backend;

  @SuppressWarnings("NullAway.Init") // comes when it is packed
  private Weights table; // [vocabulary, hidden]

  @SuppressWarnings("NullAway.Init") // set by each call
  private Step step;

  @SuppressWarnings("NullAway.Init")
  private Matrix<Tokens, Hidden> x;

  Embedding(Backend backend) {
    super(backend.team());
    this.backend = backend;
  }

  /** The table, once it is packed. */
  void take(Weights packed) {
    table = packed;
  }

  Matrix<Tokens, Hidden> apply(Step step, Matrix<Tokens, Hidden> x) {
    this.step = step;
    this.x = x;
    runRows(step.rows());
    return x;
  }

  /** The same table as the network's head, in models that tie the two. Once it is packed. */
  Linear<Hidden, Vocab> tiedHead() {
    Linear<Hidden, Vocab> head = new Linear<>(backend);
    head.take(table);
    return head;
  }

  @Override
  void rows(int from, int to) {
    for (int row = from; row < to; row++) {
      backend
          .kernels()
          .lookup(table, step.token(row), x.data(), (long) row * x.columns() * Float.BYTES);
    }
  }
}
