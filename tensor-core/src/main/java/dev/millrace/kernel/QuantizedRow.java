package dev.millrace.kernel;

import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * One row of quantized weights, taken apart: the one place that knows how files store blocks. The
 * value of column k is scale(k / scaleGroup)·level(k), plus minimum(k / 32) where the type has
 * minima. To be read again and again, one row after another.
 */
public final class QuantizedRow {
  private static final int BLOCK = Kernels.QUANTIZATION_BLOCK;
  private static final int SUB_SCALES_BYTES = 12; // of Q4_K and Q5_K
  private static final int SIGN = 0x8000; // of an fp16

  private final ElementType type;
  private final byte[] bytes; // as the file has them
  private final byte[] levels; // [columns]: q less the zero point
  private final short[] scales; // [blocks of the file], fp16
  private final short[] minimums; // [blocks of the file], fp16
  private final byte[] subScales; // [groups]; 1 where the type has none
  private final byte[] subMinimums; // [columns / 32]; 1 where the type has none

  public QuantizedRow(ElementType type, int columns) {
    this.type = type;
    int blocks = columns / type.blockSize();
    bytes = new byte[Math.toIntExact(type.bytes(columns))];
    levels = new byte[columns];
    scales = new short[blocks];
    minimums = new short[blocks];
    subScales = new byte[columns / type.scaleGroup()];
    subMinimums = new byte[columns / BLOCK];
    Arrays.fill(subScales, (byte) 1);
    Arrays.fill(subMinimums, (byte) 1);
  }

  /** Reads row {@code row} of weights as a file has them. */
  public void read(MemorySegment weights, long row) {
    MemorySegment.copy(weights, ValueLayout.JAVA_BYTE, row * bytes.length, bytes, 0, bytes.length);
    for (int block = 0; block < scales.length; block++) {
      int from = block * type.blockBytes();
      scales[block] = half(from + type.scaleOffset());
      if (type.hasMinimum()) {
        minimums[block] = half(from + type.scaleOffset() + Short.BYTES);
      }
      int column = block * type.blockSize();
      switch (type) {
        case Q4_0 -> nibbles(from + 2, column, BLOCK / 2);
        case Q4_1 -> nibbles(from + 4, column, BLOCK / 2);
        case Q5_0 -> fiveBits(from + 2, column);
        case Q5_1 -> fiveBits(from + 4, column);
        case Q8_0 -> System.arraycopy(bytes, from + 2, levels, column, BLOCK);
        case Q4_K -> {
          subScalesAndMinimums(from + 4, column);
          nibblesOf64(from + 4 + SUB_SCALES_BYTES, column);
        }
        case Q5_K -> {
          subScalesAndMinimums(from + 4, column);
          int high = from + 4 + SUB_SCALES_BYTES;
          nibblesOf64(high + BLOCK, column);
          for (int i = 0; i < type.blockSize(); i++) { // bit j of a byte: the j-th 32 columns
            levels[column + i] |= (byte) ((bytes[high + i % BLOCK] >> i / BLOCK & 1) << 4);
          }
        }
        case Q6_K -> sixBits(from, column);
        case F32, F16, BF16 -> throw new IllegalStateException(type + " has no blocks");
      }
      takeZeroPoint(column);
    }
  }

  /** Low nibbles of {@code count} bytes, then their high nibbles. */
  private void nibbles(int from, int column, int count) {
    for (int i = 0; i < count; i++) {
      levels[column + i] = (byte) (bytes[from + i] & 15);
      levels[column + count + i] = (byte) (bytes[from + i] >> 4 & 15);
    }
  }

  /** The fifth bits of 32 columns, in order, then their nibbles. */
  private void fiveBits(int from, int column) {
    nibbles(from + Integer.BYTES, column, BLOCK / 2);
    for (int i = 0; i < BLOCK; i++) {
      levels[column + i] |= (byte) ((bytes[from + i / Byte.SIZE] >> i % Byte.SIZE & 1) << 4);
    }
  }

  private void nibblesOf64(int from, int column) {
    for (int i = 0; i < type.blockSize(); i += 2 * BLOCK) {
      nibbles(from + i / 2, column + i, BLOCK);
    }
  }

  /** Q6_K: two halves of 128 columns; bits 4 and 5 of four columns, 32 apart, share a byte. */
  private void sixBits(int from, int column) {
    int half = type.blockSize() / 2;
    int highBits = from + half;
    int subScaleBytes = highBits + half / 2;
    for (int i = 0; i < type.blockSize(); i += half) {
      nibbles(from + i / 2, column + i, half / 2);
      for (int j = 0; j < half; j++) {
        int high = bytes[highBits + i / 4 + j % BLOCK] >> j / BLOCK * 2 & 3;
        levels[column + i + j] |= (byte) (high << 4);
      }
    }
    int groups = type.blockSize() / type.scaleGroup();
    System.arraycopy(bytes, subScaleBytes, subScales, column / type.scaleGroup(), groups);
  }

  /**
   * Eight 6-bit sub-scales and sub-minima: the first four are the low bits of bytes 0 to 3 and 4 to
   * 7; the others have their low four bits in bytes 8 to 11 and their high two atop the first ones.
   */
  private void subScalesAndMinimums(int from, int column) {
    int first = column / BLOCK;
    for (int i = 0; i < 4; i++) {
      int scale = bytes[from + i];
      int minimum = bytes[from + 4 + i];
      int low = bytes[from + 8 + i];
      subScales[first + i] = (byte) (scale & 63);
      subMinimums[first + i] = (byte) (minimum & 63);
      subScales[first + 4 + i] = (byte) (low & 15 | scale >> 2 & 48);
      subMinimums[first + 4 + i] = (byte) (low >> 4 & 15 | minimum >> 2 & 48);
    }
  }

  private void takeZeroPoint(int column) {
    int zeroPoint = type.zeroPoint();
    for (int i = column; i < column + type.blockSize(); i++) {
      levels[i] -= (byte) zeroPoint;
    }
  }

  private short half(int at) {
    return (short) (bytes[at + 1] << 8 | bytes[at] & 0xFF);
  }

  /** What a column's scale is multiplied with: q less the zero point. */
  public int level(int column) {
    return levels[column];
  }

  /** Of columns [group·scaleGroup, (group + 1)·scaleGroup); exact, being of fewer than 24 bits. */
  public float scale(int group) {
    int block = group * type.scaleGroup() / type.blockSize();
    return Float.float16ToFloat(scales[block]) * subScales[group];
  }

  /** Of columns [32·i, 32·i + 32); exact as well. */
  public float minimum(int i) {
    return Float.float16ToFloat(minimumBits(i * BLOCK / type.blockSize())) * subMinimums[i];
  }

  /** fp16 bits of a block's scale, in a type with sub-scales what they multiply. */
  public short scaleBits(int block) {
    return scales[block];
  }

  /** fp16 bits of what is added for a block; types with sub-minima store it with opposite sign. */
  public short minimumBits(int block) {
    return (short) (type.hasSubScales() ? minimums[block] ^ SIGN : minimums[block]);
  }

  /** A signed byte. */
  public byte subScale(int group) {
    return subScales[group];
  }

  public byte subMinimum(int i) {
    return subMinimums[i];
  }

  /** A column's value in float32, rounded once where there is a minimum, else exact. */
  public float value(int column) {
    float scale = scale(column / type.scaleGroup());
    return type.hasMinimum()
        ? Math.fma(scale, level(column), minimum(column / BLOCK))
        : scale * level(column);
  }
}
