package dev.millrace.kernel.vector;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.QuantizedRows;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Rounded activations, wider than their precision: kernels multiply in float32 where all products
 * and sums of a block stay below 2²⁴ and are exact, else in int32.
 *
 * @param values int8's q as float32 [maxRows][rowBytes / 4]; empty for int16
 * @param integers q as int32, likewise
 * @param scales da [maxRows][blocks]
 * @param sums (float) Σq [maxRows][blocks]
 */
record VectorRows(
    ActivationPrecision precision,
    int maxRows,
    int columns,
    MemorySegment values,
    MemorySegment integers,
    MemorySegment scales,
    MemorySegment sums)
    implements QuantizedRows {

  static VectorRows allocate(ActivationPrecision precision, int maxRows, int columns, Arena arena) {
    long scaleBytes = (long) maxRows * (columns / Kernels.QUANTIZATION_BLOCK) * Float.BYTES;
    return new VectorRows(
        precision,
        maxRows,
        columns,
        precision == ActivationPrecision.INT8
            ? arena.allocate(maxRows * rowBytes(columns), Matrix.ALIGNMENT)
            : MemorySegment.NULL,
        arena.allocate(maxRows * rowBytes(columns), Matrix.ALIGNMENT),
        arena.allocate(scaleBytes, Matrix.ALIGNMENT),
        arena.allocate(scaleBytes, Matrix.ALIGNMENT));
  }

  /** A cache line more than the row, so that rows of 2ⁿ columns don't fall into the same sets. */
  private static long rowBytes(int columns) {
    return (long) columns * Float.BYTES + Matrix.ALIGNMENT;
  }

  /** Bytes from one row's values to the next one's. */
  long rowBytes() {
    return rowBytes(columns);
  }

  int blocks() {
    return columns / Kernels.QUANTIZATION_BLOCK;
  }

  long valueAddress(int row) {
    return values.address() + row * rowBytes();
  }

  long integerAddress(int row) {
    return integers.address() + row * rowBytes();
  }

  long scaleAddress(int row) {
    return scales.address() + (long) row * blocks() * Float.BYTES;
  }

  long sumAddress(int row) {
    return sums.address() + (long) row * blocks() * Float.BYTES;
  }
}
