package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.Kernels.ROW_GROUP;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.millrace.kernel.Weights;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;

/**
 * Weights packed by groups of 16 rows, so that a vector holds the same column of consecutive rows.
 * Rows past the end are zeros. A group is one run of memory, read from front to back:
 *
 * <pre>
 *   F32        float [columns][16]
 *   F16, BF16  int [columns/2][16]: the even column in the low half, the odd one in the high half;
 *              an odd last column is paired with a zero
 *   Q4_0       for each block of 32 columns: float d[16], int [4][16] of 8 nibbles each
 *   Q4_1       for each block of 32 columns: float d[16], float m[16], int [4][16] of 8 nibbles each
 *   Q8_0       for each block of 32 columns: float d[16], int [8][16] of 4 signed bytes each
 * </pre>
 *
 * The lowest nibble or byte of an int is the lowest column.
 *
 * @param data groups() · groupBytes() bytes
 */
record VectorWeights(ElementType type, int rows, int columns, MemorySegment data)
    implements Weights {
  /** Bytes of one column's values, scales or words of a group: 16 lanes. */
  static final long LANES_BYTES = ROW_GROUP * (long) Integer.BYTES;

  @Override
  public long bytes() {
    return data.byteSize();
  }

  static int groups(int rows) {
    return Math.ceilDiv(rows, ROW_GROUP);
  }

  /** Bytes of a group of quantized weights' one block. */
  static long blockBytes(ElementType type) {
    return firstWord(type)
        + switch (type) {
          case Q4_0, Q4_1 -> 4 * LANES_BYTES;
          case Q8_0 -> 8 * LANES_BYTES;
          case F32, F16, BF16 -> throw new IllegalArgumentException(type + " has no blocks");
        };
  }

  /** Bytes of scales and minima in front of a block's words. */
  static long firstWord(ElementType type) {
    return type.hasMinimum() ? 2 * LANES_BYTES : LANES_BYTES;
  }

  static long groupBytes(ElementType type, int columns) {
    return switch (type) {
      case F32 -> columns * LANES_BYTES;
      case F16, BF16 -> Math.ceilDiv(columns, 2) * LANES_BYTES;
      case Q4_0, Q4_1, Q8_0 -> columns / QUANTIZATION_BLOCK * blockBytes(type);
    };
  }

  /** Of output's lane among its group's first 16. */
  long address(int output) {
    return data.address() + offset(output);
  }

  private long offset(int output) {
    return output / ROW_GROUP * groupBytes(type, columns) + (long) output % ROW_GROUP * Float.BYTES;
  }

  /** Element [row, column] in float32. */
  float value(int row, int column) {
    long first = offset(row);
    return switch (type) {
      case F32 -> data.get(JAVA_FLOAT, first + column * LANES_BYTES);
      case F16 -> Float.float16ToFloat((short) half(first, column));
      case BF16 -> Float.intBitsToFloat(half(first, column) << 16);
      case Q4_0, Q4_1, Q8_0 -> blockValue(first, column);
    };
  }

  private int half(long first, int column) {
    return data.get(JAVA_INT, first + column / 2 * LANES_BYTES) >>> 16 * (column % 2);
  }

  private float blockValue(long first, int column) {
    long block = first + column / QUANTIZATION_BLOCK * blockBytes(type);
    float scale = data.get(JAVA_FLOAT, block);
    int bits = type == ElementType.Q8_0 ? 8 : 4;
    int bit = column % QUANTIZATION_BLOCK * bits;
    long word = block + firstWord(type) + bit / Integer.SIZE * LANES_BYTES;
    int shifted = data.get(JAVA_INT, word) >>> bit % Integer.SIZE;
    return switch (type) {
      case Q4_0 -> scale * ((shifted & 15) - 8);
      case Q4_1 -> Math.fma(scale, shifted & 15, data.get(JAVA_FLOAT, block + LANES_BYTES));
      case Q8_0 -> scale * (byte) shifted;
      case F32, F16, BF16 -> throw new IllegalStateException(type + " has no blocks");
    };
  }
}
