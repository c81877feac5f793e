package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
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
 *   quantized  for each block of 32 columns:
 *                float scale[16], one for each scaleGroup of columns (with its sub-scale in it)
 *                float minimum[16], in types with minima
 *                int [4][16] of 8 nibbles each (Q8_0: [8][16] of 4 signed bytes each)
 *                5-bit types: int [16] of 32 fifth bits
 *                6-bit types: int [2][16] of 16 pairs of bits 4 and 5 each
 * </pre>
 *
 * The lowest bits of an int are of the lowest column.
 *
 * @param data groups() · groupBytes() bytes
 */
record VectorWeights(ElementType type, int rows, int columns, MemorySegment data)
    implements Weights {
  /** Outputs that are packed together. */
  static final int GROUP = 16;

  /** Bytes of one column's values, scales or words of a group. */
  static final long LANES_BYTES = GROUP * (long) Integer.BYTES;

  /** Bits of a quantized weight in a block's first words: all of them, or all but the highest. */
  static final int NIBBLE = 4;

  @Override
  public long bytes() {
    return data.byteSize();
  }

  static int groups(int rows) {
    return Math.ceilDiv(rows, GROUP);
  }

  /** Bytes of a group of quantized weights' one block. */
  static long blockBytes(ElementType type) {
    return highWord(type)
        + switch (type) {
          case Q4_0, Q4_1, Q4_K, Q8_0 -> 0;
          case Q5_0, Q5_1, Q5_K -> LANES_BYTES;
          case Q6_K -> 2 * LANES_BYTES;
          case F32, F16, BF16 -> throw new IllegalArgumentException(type + " has no blocks");
        };
  }

  /** Scales of a block. */
  static int scales(ElementType type) {
    return QUANTIZATION_BLOCK / type.scaleGroup();
  }

  /** Where the minima are in a block. */
  static long minimums(ElementType type) {
    return scales(type) * LANES_BYTES;
  }

  /** Bytes of scales and minima in front of a block's words. */
  static long firstWord(ElementType type) {
    return type.hasMinimum() ? minimums(type) + LANES_BYTES : minimums(type);
  }

  /** Where the bits above nibbles are in a block. */
  static long highWord(ElementType type) {
    int bits = type.bits() == Byte.SIZE ? Byte.SIZE : NIBBLE;
    return firstWord(type) + QUANTIZATION_BLOCK * bits / Integer.SIZE * LANES_BYTES;
  }

  static long groupBytes(ElementType type, int columns) {
    return switch (type) {
      case F32 -> columns * LANES_BYTES;
      case F16, BF16 -> Math.ceilDiv(columns, 2) * LANES_BYTES;
      default -> columns / QUANTIZATION_BLOCK * blockBytes(type);
    };
  }

  /** Of output's lane among its group's first 16. */
  long address(int output) {
    return data.address() + offset(output);
  }

  private long offset(int output) {
    return output / GROUP * groupBytes(type, columns) + (long) output % GROUP * Float.BYTES;
  }

  /** Element [row, column] in float32. */
  float value(int row, int column) {
    long first = offset(row);
    return switch (type) {
      case F32 -> data.get(JAVA_FLOAT, first + column * LANES_BYTES);
      case F16 -> Float.float16ToFloat((short) half(first, column));
      case BF16 -> Float.intBitsToFloat(half(first, column) << 16);
      default -> blockValue(first, column);
    };
  }

  private int half(long first, int column) {
    return data.get(JAVA_INT, first + column / 2 * LANES_BYTES) >>> 16 * (column % 2);
  }

  private float blockValue(long first, int column) {
    long block = first + column / QUANTIZATION_BLOCK * blockBytes(type);
    int i = column % QUANTIZATION_BLOCK;
    float scale = data.get(JAVA_FLOAT, block + i / type.scaleGroup() * LANES_BYTES);
    int q =
        switch (type.bits()) {
          case 8 -> (byte) bits(block + firstWord(type), i, 8);
          case 4 -> bits(block + firstWord(type), i, NIBBLE);
          default -> {
            int high = bits(block + highWord(type), i, type.bits() - NIBBLE);
            yield bits(block + firstWord(type), i, NIBBLE) | high << NIBBLE;
          }
        };
    int level = q - type.zeroPoint();
    return type.hasMinimum()
        ? Math.fma(scale, level, data.get(JAVA_FLOAT, block + minimums(type)))
        : scale * level;
  }

  /** The i-th number of {@code width} bits in words that begin at {@code words}. */
  private int bits(long words, int i, int width) {
    int bit = i * width;
    int word = data.get(JAVA_INT, words + bit / Integer.SIZE * LANES_BYTES);
    return word >>> bit % Integer.SIZE & (1 << width) - 1;
  }
}
