package dev.millrace.network;

import java.util.function.IntFunction;
import org.jspecify.annotations.Nullable;

/** Views of some rows of buffers, made once for each number of rows: steps make no garbage. */
final class RowViews<T> {
  private final IntFunction<T> view;
  private final @Nullable Object[] made; // [rows]

  RowViews(int maxRows, IntFunction<T> view) {
    this.view = view;
    made = new Object[maxRows + 1];
  }

  @SuppressWarnings("unchecked") // only view's results are put there
  T of(int rows) {
    Object known = made[rows];
    if (known == null) {
      known = view.apply(rows);
      made[rows] = known;
    }
    return (T) known;
  }
}
