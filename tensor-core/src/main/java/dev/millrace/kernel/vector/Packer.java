package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.Kernels.ROW_GROUP;
import static dev.millrace.kernel.vector.VectorWeights.LANES_BYTES;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;

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
  private static final ValueLayout.OfInt FILE_INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong FILE_LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final long LOW_NIBBLES = 0x0F0F0F0F0F0F0F0FL;

  private final ElementType type;
  private final MemorySegment source;
  private final int columns;
  private final MemorySegment target;

  private Packer(ElementType type, MemorySegment source, int columns, MemorySegment target) {
    this.type = type;
    this.source = source;
    this.columns = columns;
    this.target = target;
  }

  static VectorWeights pack(
      ElementType type, MemorySegment source, int rows, int columns, Arena arena) {
    long bytes = VectorWeights.groups(rows) * VectorWeights.groupBytes(type, columns);
    MemorySegment target = arena.allocate(bytes, LANES_BYTES);
    Packer packer = new Packer(type, source, columns, target);
    for (int row = 0; row < rows; row++) {
      packer.packRow(row);
    }
    return new VectorWeights(type, rows, columns, target);
  }

  private void packRow(int row) {
    long from = row * type.bytes(columns);
    long to =
        row / ROW_GROUP * VectorWeights.groupBytes(type, columns)
            + (long) row % ROW_GROUP * Integer.BYTES;
    switch (type) {
      case F32 -> packFloats(from, to);
      case F16, BF16 -> packHalves(from, to);
      case Q4_0, Q4_1, Q8_0 -> {
        for (int block = 0; block < columns / QUANTIZATION_BLOCK; block++) {
          packBlock(
              from + (long) block * type.blockBytes(), to + block * VectorWeights.blockBytes(type));
        }
      }
    }
  }

  private void packFloats(long from, long to) {
    for (int k = 0; k < columns; k++) {
      float value = source.get(FILE_FLOAT, from + (long) k * Float.BYTES);
      target.set(JAVA_FLOAT, to + k * LANES_BYTES, value);
    }
  }

  private void packHalves(long from, long to) {
    for (int k = 0; k < columns; k += 2) {
      int low = source.get(FILE_SHORT, from + (long) k * Short.BYTES) & 0xFFFF;
      int high = k + 1 < columns ? source.get(FILE_SHORT, from + (k + 1L) * Short.BYTES) : 0;
      target.set(JAVA_INT, to + k / 2 * LANES_BYTES, high << 16 | low);
    }
  }

  private void packBlock(long from, long to) {
    target.set(JAVA_FLOAT, to, half(from));
    switch (type) {
      case Q4_0 -> packNibbles(from + 2, to + LANES_BYTES);
      case Q4_1 -> {
        target.set(JAVA_FLOAT, to + LANES_BYTES, half(from + 2));
        packNibbles(from + 4, to + 2 * LANES_BYTES);
      }
      case Q8_0 -> {
        for (int word = 0; word < QUANTIZATION_BLOCK / Integer.BYTES; word++) {
          int bytes = source.get(FILE_INT, from + 2 + (long) word * Integer.BYTES);
          target.set(JAVA_INT, to + LANES_BYTES + word * LANES_BYTES, bytes);
        }
      }
      case F32, F16, BF16 -> throw new IllegalStateException(type + " has no blocks");
    }
  }

  /** The file has columns 0 to 15 in the low nibbles of 16 bytes, 16 to 31 in the high ones. */
  private void packNibbles(long from, long to) {
    long first = source.get(FILE_LONG, from);
    long second = source.get(FILE_LONG, from + Long.BYTES);
    target.set(JAVA_INT, to, (int) Long.compress(first, LOW_NIBBLES));
    target.set(JAVA_INT, to + LANES_BYTES, (int) Long.compress(second, LOW_NIBBLES));
    target.set(JAVA_INT, to + 2 * LANES_BYTES, (int) Long.compress(first, ~LOW_NIBBLES));
    target.set(JAVA_INT, to + 3 * LANES_BYTES, (int) Long.compress(second, ~LOW_NIBBLES));
  }

  private float half(long offset) {
    return Float.float16ToFloat(source.get(FILE_SHORT, offset));
  }
}
