package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.vector.VectorWeights.LANES_BYTES;
import static dev.millrace.kernel.vector.VectorWeights.NIBBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.millrace.kernel.QuantizedRow;
import dev.millrace.kernel.WeightSource;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/**
 * From a file's layout to that of {@link VectorWeights}. Reads each byte once, in order of rows.
 */
final class Packer {
  private static final ValueLayout.OfFloat FILE_FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfShort FILE_SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final ElementType type;
  private final int columns;
  private final MemorySegment target;
  private final QuantizedRow quantizedRow; // idle where the type is plain

  private Packer(ElementType type, int columns, MemorySegment target) {
    this.type = type;
    this.columns = columns;
    this.target = target;
    quantizedRow = new QuantizedRow(type, columns);
  }

  static VectorWeights pack(WeightSource source, Arena arena) {
    ElementType type = source.type();
    int columns = source.columns();
    long bytes = VectorWeights.groups(source.rows()) * VectorWeights.groupBytes(type, columns);
    MemorySegment target = arena.allocate(bytes, LANES_BYTES);
    Packer packer = new Packer(type, columns, target);
    source.forEachPanel(
        (panel, from, to) -> {
          for (int row = from; row < to; row++) {
            packer.packRow(panel, row - from, row);
          }
        });
    return new VectorWeights(type, source.rows(), columns, target);
  }

  private void packRow(MemorySegment source, int rowOfSource, int row) {
    long from = rowOfSource * type.bytes(columns);
    long to =
        row / VectorWeights.GROUP * VectorWeights.groupBytes(type, columns)
            + (long) row % VectorWeights.GROUP * Integer.BYTES;
    switch (type) {
      case F32 -> packFloats(source, from, to);
      case F16, BF16 -> packHalves(source, from, to);
      default -> {
        quantizedRow.read(source, rowOfSource);
        packBlocks(to);
      }
    }
  }

  private void packFloats(MemorySegment source, long from, long to) {
    for (int k = 0; k < columns; k++) {
      float value = source.get(FILE_FLOAT, from + (long) k * Float.BYTES);
      target.set(JAVA_FLOAT, to + k * LANES_BYTES, value);
    }
  }

  private void packHalves(MemorySegment source, long from, long to) {
    for (int k = 0; k < columns; k += 2) {
      int low = source.get(FILE_SHORT, from + (long) k * Short.BYTES) & 0xFFFF;
      int high = k + 1 < columns ? source.get(FILE_SHORT, from + (k + 1L) * Short.BYTES) : 0;
      target.set(JAVA_INT, to + k / 2 * LANES_BYTES, high << 16 | low);
    }
  }

  private void packBlocks(long to) {
    int groups = VectorWeights.scales(type);
    for (int block = 0; block < columns / QUANTIZATION_BLOCK; block++) {
      long at = to + block * VectorWeights.blockBytes(type);
      for (int i = 0; i < groups; i++) {
        target.set(JAVA_FLOAT, at + i * LANES_BYTES, quantizedRow.scale(block * groups + i));
      }
      if (type.hasMinimum()) {
        target.set(JAVA_FLOAT, at + VectorWeights.minimums(type), quantizedRow.minimum(block));
      }
      if (type.bits() == Byte.SIZE) {
        packBits(block, 0, Byte.SIZE, at + VectorWeights.firstWord(type));
      } else {
        packBits(block, 0, NIBBLE, at + VectorWeights.firstWord(type));
        if (type.bits() > NIBBLE) {
          packBits(block, NIBBLE, type.bits() - NIBBLE, at + VectorWeights.highWord(type));
        }
      }
    }
  }

  /** Bits [from, from + width) of a block's stored numbers. */
  private void packBits(int block, int from, int width, long to) {
    int perWord = Integer.SIZE / width;
    for (int i = 0; i < QUANTIZATION_BLOCK; i += perWord) {
      int word = 0;
      for (int j = 0; j < perWord; j++) {
        int q = quantizedRow.level(block * QUANTIZATION_BLOCK + i + j) + type.zeroPoint();
        word |= (q >> from & (1 << width) - 1) << j * width;
      }
      target.set(JAVA_INT, to + i / perWord * LANES_BYTES, word);
    }
  }
}
