package dev.millrace.kernel;

import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;

/**
 * Weights [rows, columns] in a file's layout, to be read from the first row to the last, a panel at
 * a time, so that nobody has to hold all of them. For one thread.
 */
public interface WeightSource {
  /** What a panel comes to: little beside a model, much beside what it costs to ask for one. */
  long PANEL_BYTES = 1 << 20;

  /** For reports: a tensor's name. */
  String name();

  ElementType type();

  int rows();

  int columns();

  /**
   * Rows [from, to).
   *
   * @return {@code type.bytes((to − from) · columns)} bytes, any alignment, until the next call
   */
  MemorySegment read(int from, int to);

  /** Takes a panel. */
  @FunctionalInterface
  interface Panel {
    /** Takes rows [from, to); from is a multiple of {@link Kernels#ROW_GROUP}. */
    void take(MemorySegment source, int from, int to);
  }

  /**
   * Reads all rows.
   *
   * @throws IllegalArgumentException if sizes aren't positive, rows aren't whole blocks, or a panel
   *     hasn't the bytes of its rows
   */
  default void forEachPanel(Panel panel) {
    Arguments.checkWeights(type(), rows(), columns());
    long rowBytes = type().bytes(columns());
    long groups = Math.max(1, PANEL_BYTES / (rowBytes * Kernels.ROW_GROUP));
    int step = (int) Math.min(groups * Kernels.ROW_GROUP, rows());
    for (int from = 0; from < rows(); from += step) {
      int to = Math.min(rows(), from + step);
      MemorySegment source = read(from, to);
      Arguments.checkRows(type(), source, to - from, columns());
      panel.take(source, from, to);
    }
  }

  /** Weights that lie in memory. */
  static WeightSource of(ElementType type, MemorySegment data, int rows, int columns) {
    Arguments.checkWeights(type, rows, columns);
    Arguments.checkRows(type, data, rows, columns);
    return new InMemory(type, data, rows, columns);
  }

  /** What {@link #of} gives. */
  record InMemory(ElementType type, MemorySegment data, int rows, int columns)
      implements WeightSource {
    @Override
    public String name() {
      return "";
    }

    @Override
    public MemorySegment read(int from, int to) {
      long rowBytes = type.bytes(columns);
      return data.asSlice(from * rowBytes, (to - from) * rowBytes);
    }
  }
}
