package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.QuantizedRows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Rounded activations, [maxRows][blocks] records: 32 values, then what a block's end needs of them,
 * at the offsets here from the values' end. Values are int8 in order, or int16 with columns 1 and 2
 * of every four exchanged: the even and the odd bytes of packed weights become 16-bit pairs with
 * one mask or shift.
 *
 * @param data the records
 */
record EmittedRows(ActivationPrecision precision, int maxRows, int columns, MemorySegment data)
    implements QuantizedRows {
  /** float32 da. */
  static final int SCALE = 0;

  /** float32 da·Σq. */
  static final int SCALED_SUM = 4;

  /** int32 −8·Σq: what Q4_0's zero point takes away. */
  static final int MINUS_8_SUMS = 8;

  /** int32 −16·Σq: what Q5_0's zero point takes away. */
  static final int MINUS_16_SUMS = 12;

  /** int32 −32·Σq of columns 0 to 15, then of 16 to 31: what Q6_K's zero point takes away. */
  static final int MINUS_32_SUMS = 16;

  /** int32 −128·Σq: what Q8_0's shift to unsigned takes away. */
  static final int MINUS_128_SUMS = 24;

  /** Bytes behind the values; the last four are idle. */
  static final int TAIL_BYTES = 32;

  /** The tail's integers as multiples of (Σ, Σ, Σ, Σ, Σ first half, Σ second half, Σ, Σ). */
  static final int[] SUM_FACTORS = {0, 0, -8, -16, -32, -32, -128, 0};

  static EmittedRows allocate(
      ActivationPrecision precision, int maxRows, int columns, Arena arena) {
    return new EmittedRows(
        precision, maxRows, columns, arena.allocate(maxRows * rowBytes(precision, columns), 64));
  }

  /** Bytes of a record's values: where its tail begins. */
  static int valueBytes(ActivationPrecision precision) {
    return switch (precision) {
      case INT8 -> QUANTIZATION_BLOCK * Byte.BYTES;
      case INT16 -> QUANTIZATION_BLOCK * Short.BYTES;
    };
  }

  static int recordBytes(ActivationPrecision precision) {
    return valueBytes(precision) + TAIL_BYTES;
  }

  static long rowBytes(ActivationPrecision precision, int columns) {
    return (long) columns / QUANTIZATION_BLOCK * recordBytes(precision);
  }

  long rowBytes() {
    return rowBytes(precision, columns);
  }

  /** Where in a row the record of a block of columns begins. */
  long columnBytes(int column) {
    return rowBytes(precision, column);
  }
}
