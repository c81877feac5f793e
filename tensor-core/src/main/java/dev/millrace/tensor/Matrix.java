package dev.millrace.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A row-major matrix of float32, [R, C], off the heap. The dimensions' meanings are types; their
 * sizes are numbers.
 */
public final class Matrix<R extends Dim, C extends Dim> {
  /** Matrices start on cache lines. */
  public static final long ALIGNMENT = 64;

  private final MemorySegment data;
  private final int rows;
  private final int columns;

  private Matrix(MemorySegment data, int rows, int columns) {
    this.data = data;
    this.rows = rows;
    this.columns = columns;
  }

  /** A matrix of zeros. */
  public static <R extends Dim, C extends Dim> Matrix<R, C> allocate(
      Arena arena, Size<R> rows, Size<C> columns) {
    long bytes = (long) rows.value() * columns.value() * Float.BYTES;
    return new Matrix<>(arena.allocate(bytes, ALIGNMENT), rows.value(), columns.value());
  }

  /** The first rows of this matrix, sharing its memory. */
  public Matrix<R, C> firstRows(int count) {
    return rows(0, count);
  }

  /** Rows [from, to) of this matrix, sharing its memory. */
  public Matrix<R, C> rows(int from, int to) {
    long rowBytes = (long) columns * Float.BYTES;
    MemorySegment slice = data.asSlice(from * rowBytes, (to - from) * rowBytes);
    return new Matrix<>(slice, to - from, columns);
  }

  public int rows() {
    return rows;
  }

  public int columns() {
    return columns;
  }

  /** All values, row after row. */
  public MemorySegment data() {
    return data;
  }

  public float get(int row, int column) {
    return data.getAtIndex(ValueLayout.JAVA_FLOAT, (long) row * columns + column);
  }

  public void set(int row, int column, float value) {
    data.setAtIndex(ValueLayout.JAVA_FLOAT, (long) row * columns + column, value);
  }
}
