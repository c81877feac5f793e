package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;

import dev.millrace.kernel.QuantizedRows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Activations rounded to int8, [maxRows][blocks] records of {@link #BLOCK_BYTES}.
 *
 * @param data the records
 */
record EmittedRows(int maxRows, int columns, MemorySegment data) implements QuantizedRows {
  // A record: 32 values, then what a block's end needs of them.
  static final int SCALE = 32; // float32 da
  static final int SCALED_SUM = 36; // float32 da·Σq
  static final int MINUS_8_SUMS = 40; // int32 −8·Σq: what Q4_0's offset takes away
  static final int MINUS_128_SUMS = 44; // int32 −128·Σq: what Q8_0's shift to unsigned takes away
  static final int BLOCK_BYTES = 48;

  static EmittedRows allocate(int maxRows, int columns, Arena arena) {
    return new EmittedRows(
        maxRows, columns, arena.allocate((long) maxRows * rowBytes(columns), 64));
  }

  static long rowBytes(int columns) {
    return (long) columns / QUANTIZATION_BLOCK * BLOCK_BYTES;
  }
}
