package dev.millrace.kernel;

import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** What every tier checks at its door, once a call, so that the loops inside needn't. */
public final class Arguments {
  private Arguments() {}

  public static void checkPack(ElementType type, MemorySegment source, int rows, int columns) {
    if (rows < 1 || columns < 1) {
      throw new IllegalArgumentException(
          "weights of [" + rows + ", " + columns + "]: both sizes must be at least 1");
    }
    if (columns % type.blockSize() != 0) {
      throw new IllegalArgumentException(
          columns + " columns of " + type + ": must be a multiple of " + type.blockSize());
    }
    long expected = type.bytes((long) rows * columns);
    if (source.byteSize() != expected) {
      throw new IllegalArgumentException(
          "weights of [%d, %d] in %s take %d bytes, got %d"
              .formatted(rows, columns, type, expected, source.byteSize()));
    }
  }

  public static void checkQuantizedRows(int maxRows, int columns) {
    if (maxRows < 1 || columns < 1 || columns % Kernels.QUANTIZATION_BLOCK != 0) {
      throw new IllegalArgumentException(
          "quantized rows of [%d, %d]: at least 1 row, columns a multiple of %d"
              .formatted(maxRows, columns, Kernels.QUANTIZATION_BLOCK));
    }
  }

  public static void checkQuantize(MemorySegment x, QuantizedRows into, int fromRow, int toRow) {
    checkRange("rows", fromRow, toRow, into.maxRows());
    checkFloats("x", x, 0, (long) toRow * into.columns());
  }

  public static void checkMultiply(
      Weights w,
      MemorySegment x,
      @Nullable QuantizedRows q,
      int rows,
      MemorySegment y,
      int yStride,
      int fromOutput,
      int toOutput) {
    checkRange("outputs", fromOutput, toOutput, w.rows());
    if (fromOutput % Kernels.ROW_GROUP != 0) {
      throw new IllegalArgumentException(
          "first output " + fromOutput + ": must be a multiple of " + Kernels.ROW_GROUP);
    }
    if (rows < 0 || yStride < toOutput) {
      throw new IllegalArgumentException(
          "%d rows, %d floats apart, for outputs up to %d".formatted(rows, yStride, toOutput));
    }
    if (rows == 0) {
      return;
    }
    checkFloats("y", y, 0, (long) (rows - 1) * yStride + toOutput);
    if (!w.type().isQuantized()) {
      checkFloats("x", x, 0, (long) rows * w.columns());
    } else if (q == null || q.columns() != w.columns() || q.maxRows() < rows) {
      throw new IllegalArgumentException(
          "%s weights of %d columns times %d rows need as many quantized rows, got %s"
              .formatted(
                  w.type(),
                  w.columns(),
                  rows,
                  q == null ? "none" : "[" + q.maxRows() + ", " + q.columns() + "]"));
    }
  }

  public static void checkRange(String what, long from, long to, long limit) {
    if (from < 0 || to < from || to > limit) {
      throw new IllegalArgumentException(
          "%s [%d, %d): must lie in [0, %d)".formatted(what, from, to, limit));
    }
  }

  /** That {@code count} floats stand in {@code segment} from {@code offsetBytes} on. */
  public static void checkFloats(String what, MemorySegment segment, long offsetBytes, long count) {
    if (count < 0
        || offsetBytes < 0
        || offsetBytes % Float.BYTES != 0
        || count > (segment.byteSize() - offsetBytes) / Float.BYTES) {
      throw new IllegalArgumentException(
          "%s has %d bytes: no room for %d floats at byte %d"
              .formatted(what, segment.byteSize(), count, offsetBytes));
    }
  }
}
