package dev.millrace.kernel.scalar;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;

import dev.millrace.kernel.Weights;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * Weights as the file has them: rows of blocks, or of plain values, little-endian.
 *
 * @param data type.bytes(rows · columns) bytes
 */
record ScalarWeights(ElementType type, int rows, int columns, MemorySegment data)
    implements Weights {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  @Override
  public long bytes() {
    return data.byteSize();
  }

  /** Element [row, column] in float32. */
  float value(int row, int column) {
    long index = (long) row * columns + column;
    return switch (type) {
      case F32 -> data.get(FLOAT, index * Float.BYTES);
      case F16 -> half(index * Short.BYTES);
      case BF16 -> Float.intBitsToFloat(data.get(SHORT, index * Short.BYTES) << 16);
      case Q4_0 -> {
        long block = blockOffset(row, column / QUANTIZATION_BLOCK);
        yield half(block) * (nibble(block + 2, column % QUANTIZATION_BLOCK) - 8);
      }
      case Q4_1 -> {
        long block = blockOffset(row, column / QUANTIZATION_BLOCK);
        int q = nibble(block + 4, column % QUANTIZATION_BLOCK);
        yield Math.fma(half(block), q, half(block + 2));
      }
      case Q8_0 -> {
        long block = blockOffset(row, column / QUANTIZATION_BLOCK);
        yield half(block)
            * data.get(ValueLayout.JAVA_BYTE, block + 2 + column % QUANTIZATION_BLOCK);
      }
    };
  }

  /** Σ_k w[row][k]·x[k] of plain weights; x's first element is {@code xFirst}. */
  float dotPlain(int row, MemorySegment x, long xFirst) {
    float acc = 0;
    for (int k = 0; k < columns; k++) {
      acc = Math.fma(value(row, k), x.getAtIndex(ValueLayout.JAVA_FLOAT, xFirst + k), acc);
    }
    return acc;
  }

  /** Σ_k w[row][k]·x[k] of quantized weights with row {@code t} of q. */
  float dotQuantized(int row, ScalarRows q, int t) {
    float acc = 0;
    for (int b = 0; b < q.blocks(); b++) {
      long block = blockOffset(row, b);
      float scale = half(block) * q.scale(t, b);
      switch (type) {
        case Q4_0 -> {
          int sum = dotNibbles(block + 2, q, t, b) - 8 * q.sum(t, b);
          acc = Math.fma(sum, scale, acc);
        }
        case Q4_1 -> {
          acc = Math.fma(dotNibbles(block + 4, q, t, b), scale, acc);
          acc = Math.fma(half(block + 2), q.scale(t, b) * q.sum(t, b), acc);
        }
        case Q8_0 -> acc = Math.fma(dotBytes(block + 2, q, t, b), scale, acc);
        case F32, F16, BF16 -> throw new IllegalStateException(type + " isn't quantized");
      }
    }
    return acc;
  }

  private int dotNibbles(long nibbles, ScalarRows q, int t, int block) {
    int first = block * QUANTIZATION_BLOCK;
    int sum = 0;
    for (int i = 0; i < QUANTIZATION_BLOCK / 2; i++) {
      int pair = data.get(ValueLayout.JAVA_BYTE, nibbles + i);
      sum += (pair & 15) * q.value(t, first + i);
      sum += (pair >> 4 & 15) * q.value(t, first + QUANTIZATION_BLOCK / 2 + i);
    }
    return sum;
  }

  private int dotBytes(long bytes, ScalarRows q, int t, int block) {
    int first = block * QUANTIZATION_BLOCK;
    int sum = 0;
    for (int i = 0; i < QUANTIZATION_BLOCK; i++) {
      sum += data.get(ValueLayout.JAVA_BYTE, bytes + i) * q.value(t, first + i);
    }
    return sum;
  }

  /** The 32 nibbles of a block: the low ones of its 16 bytes first, then the high ones. */
  private int nibble(long nibbles, int i) {
    int half = QUANTIZATION_BLOCK / 2;
    int pair = data.get(ValueLayout.JAVA_BYTE, nibbles + i % half);
    return i < half ? pair & 15 : pair >> 4 & 15;
  }

  private float half(long offset) {
    return Float.float16ToFloat(data.get(SHORT, offset));
  }

  private long blockOffset(int row, int block) {
    long blocksInRow = columns / QUANTIZATION_BLOCK;
    return (row * blocksInRow + block) * type.blockBytes();
  }
}
