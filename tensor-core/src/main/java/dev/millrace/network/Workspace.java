package dev.millrace.network;

import dev.millrace.kernel.Kernels;
import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.Ffn;
import dev.millrace.tensor.Dim.HeadDim;
import dev.millrace.tensor.Dim.Heads;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.KvHeads;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Product;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import dev.millrace.tensor.Size;
import java.lang.foreign.Arena;
import org.jspecify.annotations.Nullable;

/**
 * Memory for a step's intermediate results, allocated once for the largest step. Views of n rows
 * are made once for each n, so that steps make no garbage.
 */
final class Workspace {
  private final TokenBuffers tokenBuffers;
  private final LogitBuffers logitBuffers;
  private final @Nullable TokenBuffers[] tokenViews; // [n]
  private final @Nullable LogitBuffers[] logitViews; // [n]

  /**
   * @param rounds whether quantized weights will read the activations
   */
  Workspace(Backend backend, Sizes sizes, boolean rounds, Arena arena) {
    Room room = new Room(backend, rounds, arena);
    Size<Tokens> tokens = sizes.tokens();
    Matrix<Tokens, Ffn> gate = Matrix.allocate(arena, tokens, sizes.ffn());
    tokenBuffers =
        new TokenBuffers(
            Matrix.allocate(arena, tokens, sizes.hidden()),
            room.activations(tokens, sizes.hidden()),
            Matrix.allocate(arena, tokens, sizes.queries()),
            Matrix.allocate(arena, tokens, sizes.keys()),
            Matrix.allocate(arena, tokens, sizes.keys()),
            room.activations(tokens, sizes.queries()),
            Matrix.allocate(arena, tokens, sizes.hidden()),
            gate,
            Matrix.allocate(arena, tokens, sizes.ffn()),
            room.rounding(gate));
    Size<LogitRows> logitRows = sizes.logitRows();
    logitBuffers =
        new LogitBuffers(
            Matrix.allocate(arena, logitRows, sizes.hidden()),
            room.activations(logitRows, sizes.hidden()),
            Matrix.allocate(arena, logitRows, sizes.vocabulary()));
    tokenViews = new TokenBuffers[tokens.value() + 1];
    logitViews = new LogitBuffers[logitRows.value() + 1];
  }

  private record Room(Backend backend, boolean rounds, Arena arena) {
    <R extends Dim, C extends Dim> Activations<R, C> activations(Size<R> rows, Size<C> columns) {
      return rounding(Matrix.allocate(arena, rows, columns));
    }

    <R extends Dim, C extends Dim> Activations<R, C> rounding(Matrix<R, C> values) {
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
  }

  TokenBuffers tokens(int rows) {
    TokenBuffers view = tokenViews[rows];
    if (view == null) {
      view = tokenBuffers.firstRows(rows);
      tokenViews[rows] = view;
    }
    return view;
  }

  LogitBuffers logits(int rows) {
    LogitBuffers view = logitViews[rows];
    if (view == null) {
      view = logitBuffers.firstRows(rows);
      logitViews[rows] = view;
    }
    return view;
  }

  /**
   * One row for each token of the step.
   *
   * @param x the residual stream
   * @param normed x, normalized
   * @param attended what attention made of q
   * @param projected what goes into the residual stream next
   * @param gated silu(gate)·up, in gate's memory
   */
  record TokenBuffers(
      Matrix<Tokens, Hidden> x,
      Activations<Tokens, Hidden> normed,
      Matrix<Tokens, Product<Heads, HeadDim>> q,
      Matrix<Tokens, Product<KvHeads, HeadDim>> k,
      Matrix<Tokens, Product<KvHeads, HeadDim>> v,
      Activations<Tokens, Product<Heads, HeadDim>> attended,
      Matrix<Tokens, Hidden> projected,
      Matrix<Tokens, Ffn> gate,
      Matrix<Tokens, Ffn> up,
      Activations<Tokens, Ffn> gated) {

    TokenBuffers firstRows(int count) {
      return new TokenBuffers(
          x.firstRows(count),
          normed.firstRows(count),
          q.firstRows(count),
          k.firstRows(count),
          v.firstRows(count),
          attended.firstRows(count),
          projected.firstRows(count),
          gate.firstRows(count),
          up.firstRows(count),
          gated.firstRows(count));
    }
  }

  /**
   * One row for each token whose logits are wanted.
   *
   * @param x their rows of the residual stream
   */
  record LogitBuffers(
      Matrix<LogitRows, Hidden> x,
      Activations<LogitRows, Hidden> normed,
      Matrix<LogitRows, Vocab> logits) {

    LogitBuffers firstRows(int count) {
      return new LogitBuffers(x.firstRows(count), normed.firstRows(count), logits.firstRows(count));
    }
  }
}
