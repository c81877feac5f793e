package dev.millrace.network;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.QuantizedRows;
import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Matrix;
import org.jspecify.annotations.Nullable;

/**
 * What a linear layer reads: rows of float32 and, where quantized weights will meet them, the same
 * rows rounded. Whoever writes a row rounds it at once, so that several layers can read it.
 *
 * @param rounded null in a network without quantized weights
 */
record Activations<R extends Dim, C extends Dim>(
    Matrix<R, C> values, @Nullable QuantizedRows rounded) {

  /** The first rows, sharing memory. */
  Activations<R, C> firstRows(int count) {
    return new Activations<>(values.firstRows(count), rounded);
  }

  /** Rounds rows [fromRow, toRow), which have been written. */
  void round(Kernels kernels, int fromRow, int toRow) {
    round(kernels, fromRow, toRow, 0, values.columns());
  }

  /** Rounds their columns [fromColumn, toColumn), whole blocks. */
  void round(Kernels kernels, int fromRow, int toRow, int fromColumn, int toColumn) {
    if (rounded != null) {
      kernels.quantize(values.data(), rounded, fromRow, toRow, fromColumn, toColumn);
    }
  }
}
