package dev.millrace.network;

import dev.millrace.kernel.Kernels;
import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.Ffn;
import dev.millrace.tensor.Dim.HeadDim;
import dev.millrace.tensor.Dim.Heads;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.KvHeads;
import dev.millrace.tensor.Dim.Product;
import dev.millrace.tensor.Matrix;
import dev.millrace.tensor.Size;
import java.lang.foreign.Arena;

/**
 * What half a layer writes on its way and nobody reads after it: one row for each row of the
 * residual stream.
 *
 * @param normed the residual stream, normalized
 * @param attended what attention made of queries
 * @param projected what goes into the residual stream next
 * @param gated silu(gate)·up, in gate's memory
 */
record LayerBuffers<R extends Dim>(
    Activations<R, Hidden> normed,
    Matrix<R, Product<KvHeads, HeadDim>> k,
    Matrix<R, Product<KvHeads, HeadDim>> v,
    Activations<R, Product<Heads, HeadDim>> attended,
    Matrix<R, Hidden> projected,
    Matrix<R, Ffn> gate,
    Matrix<R, Ffn> up,
    Activations<R, Ffn> gated) {

  /**
   * @param rounds whether quantized weights will read the activations
   */
  static <R extends Dim> LayerBuffers<R> allocate(
      Size<R> rows, Sizes sizes, Backend backend, boolean rounds, Arena arena) {
    Matrix<R, Ffn> gate = Matrix.allocate(arena, rows, sizes.ffn());
    return new LayerBuffers<>(
        rounded(Matrix.allocate(arena, rows, sizes.hidden()), backend, rounds, arena),
        Matrix.allocate(arena, rows, sizes.keys()),
        Matrix.allocate(arena, rows, sizes.keys()),
        rounded(Matrix.allocate(arena, rows, sizes.queries()), backend, rounds, arena),
        Matrix.allocate(arena, rows, sizes.hidden()),
        gate,
        Matrix.allocate(arena, rows, sizes.ffn()),
        rounded(gate, backend, rounds, arena));
  }

  private static <R extends Dim, C extends Dim> Activations<R, C> rounded(
      Matrix<R, C> values, Backend backend, boolean rounds, Arena arena) {
    // Quantized weights have whole blocks of columns: they can't meet other activations.
    boolean whole = values.columns() % Kernels.QUANTIZATION_BLOCK == 0;
    return new Activations<>(
        values,
        rounds && whole
            ? backend
                .kernels()
                .quantizedRows(backend.activations(), values.rows(), values.columns(), arena)
            : null);
  }

  LayerBuffers<R> firstRows(int count) {
    return new LayerBuffers<>(
        normed.firstRows(count),
        k.firstRows(count),
        v.firstRows(count),
        attended.firstRows(count),
        projected.firstRows(count),
        gate.firstRows(count),
        up.firstRows(count),
        gated.firstRows(count));
  }
}
