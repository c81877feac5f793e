package dev.millrace.kernel.scalar;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;

import dev.millrace.kernel.QuantizedRow;
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

  /** Row {@code row} of quantized weights. */
  QuantizedRow quantizedRow(int row) {
    QuantizedRow taken = new QuantizedRow(type, columns);
    taken.read(data, row);
    return taken;
  }

  /** Element [row, column] of plain weights in float32. */
  float plainValue(int row, int column) {
    long index = (long) row * columns + column;
    return switch (type) {
      case F32 -> data.get(FLOAT, index * Float.BYTES);
      case F16 -> Float.float16ToFloat(data.get(SHORT, index * Short.BYTES));
      case BF16 -> Float.intBitsToFloat(data.get(SHORT, index * Short.BYTES) << 16);
      default -> throw new IllegalStateException(type + " isn't plain");
    };
  }

  /** Σ_k w[row][k]·x[k] of plain weights; x's first element is {@code xFirst}. */
  float dotPlain(int row, MemorySegment x, long xFirst) {
    float acc = 0;
    for (int k = 0; k < columns; k++) {
      acc = Math.fma(plainValue(row, k), x.getAtIndex(ValueLayout.JAVA_FLOAT, xFirst + k), acc);
    }
    return acc;
  }

  /** Σ_k w[k]·x[k] of a row of quantized weights with row {@code t} of q. */
  float dotQuantized(QuantizedRow w, ScalarRows q, int t) {
    int group = type.scaleGroup();
    float acc = 0;
    for (int first = 0; first < columns; first += group) {
      int block = first / QUANTIZATION_BLOCK;
      int sum = 0;
      for (int k = first; k < first + group; k++) {
        sum += w.level(k) * q.value(t, k);
      }
      acc = Math.fma(sum, w.scale(first / group) * q.scale(t, block), acc);
      if (type.hasMinimum()) {
        acc = Math.fma(w.minimum(block), q.scale(t, block) * q.sum(t, block), acc);
      }
    }
    return acc;
  }
}
