package dev.millrace.network;

import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import dev.millrace.tensor.Size;
import java.lang.foreign.Arena;

/** Memory for a step's intermediate results, allocated once for the largest step. */
final class Workspace {
  private final RowViews<TokenBuffers> tokens;
  private final RowViews<LogitBuffers> logits;

  /** One row for each token of the step. */
  record TokenBuffers(Carried<Tokens> carried, LayerBuffers<Tokens> layer) {}

  /** One row for each token whose logits are wanted. */
  record LogitBuffers(
      Carried<LogitRows> carried, LayerBuffers<LogitRows> layer, Matrix<LogitRows, Vocab> logits) {}

  /**
   * @param rounds whether quantized weights will read the activations
   */
  Workspace(Backend backend, Sizes sizes, boolean rounds, Arena arena) {
    Carried<Tokens> carried = carried(sizes.tokens(), sizes, arena);
    LayerBuffers<Tokens> layer =
        LayerBuffers.allocate(sizes.tokens(), sizes, backend, rounds, arena);
    tokens =
        new RowViews<>(
            sizes.tokens().value(),
            rows -> new TokenBuffers(carried.rows(0, rows), layer.firstRows(rows)));

    Carried<LogitRows> last = carried(sizes.logitRows(), sizes, arena);
    LayerBuffers<LogitRows> lastLayer =
        LayerBuffers.allocate(sizes.logitRows(), sizes, backend, rounds, arena);
    Matrix<LogitRows, Vocab> all = Matrix.allocate(arena, sizes.logitRows(), sizes.vocabulary());
    logits =
        new RowViews<>(
            sizes.logitRows().value(),
            rows ->
                new LogitBuffers(
                    last.rows(0, rows), lastLayer.firstRows(rows), all.firstRows(rows)));
  }

  private static <R extends Dim> Carried<R> carried(Size<R> rows, Sizes sizes, Arena arena) {
    return new Carried<>(
        Matrix.allocate(arena, rows, sizes.hidden()),
        Matrix.allocate(arena, rows, sizes.queries()));
  }

  TokenBuffers tokens(int rows) {
    return tokens.of(rows);
  }

  LogitBuffers logits(int rows) {
    return logits.of(rows);
  }
}
