package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.Kernels.ROW_GROUP;

import dev.millrace.kernel.Weights;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Arrays;

/**
 * Weights packed as {@link PackedLayout} says.
 *
 * @param tail where the last group's outputs go first when it isn't whole:
 *     [MultiplyCode.MAX_TILE][16] floats
 */
record EmittedWeights(
    PackedLayout layout, int rows, MemorySegment data, MultiplyCodes codes, MemorySegment tail)
    implements Weights {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  static EmittedWeights pack(
      PackedLayout layout, MemorySegment source, int rows, MultiplyCodes codes, Arena arena) {
    int groups = Math.ceilDiv(rows, ROW_GROUP);
    MemorySegment data = arena.allocate(groups * layout.groupBytes(), 64);
    MemorySegment tail = arena.allocate((long) MultiplyCode.MAX_TILE * ROW_GROUP * Float.BYTES, 64);
    EmittedWeights packed = new EmittedWeights(layout, rows, data, codes, tail);
    long rowBytes = layout.type().bytes(layout.columns());
    byte[] row = new byte[Math.toIntExact(rowBytes)];
    byte[] group = new byte[Math.toIntExact(layout.groupBytes())];
    for (int g = 0; g < groups; g++) {
      Arrays.fill(group, (byte) 0);
      for (int lane = 0; lane < ROW_GROUP && g * ROW_GROUP + lane < rows; lane++) {
        MemorySegment.copy(
            source,
            ValueLayout.JAVA_BYTE,
            (g * (long) ROW_GROUP + lane) * rowBytes,
            row,
            0,
            row.length);
        packed.packRow(row, lane, group);
      }
      MemorySegment.copy(
          group, 0, data, ValueLayout.JAVA_BYTE, g * layout.groupBytes(), group.length);
    }
    return packed;
  }

  private void packRow(byte[] row, int lane, byte[] group) {
    ElementType type = type();
    for (int b = 0; b < layout.blocks(); b++) {
      int from = b * type.blockBytes();
      int to = b * layout.blockBytes();
      if (!type.isQuantized()) {
        System.arraycopy(row, from, group, to + lane * type.blockBytes(), type.blockBytes());
        continue;
      }
      int header = type == ElementType.Q4_1 ? 4 : 2;
      System.arraycopy(
          row, from, group, to + layout.scalesOffset() + lane * Short.BYTES, Short.BYTES);
      if (layout.hasMinimums()) {
        System.arraycopy(
            row, from + 2, group, to + layout.minimumsOffset() + lane * Short.BYTES, Short.BYTES);
      }
      for (int i = 0;
          i < type.blockBytes() - header;
          i++) { // a byte of the file is a byte here: the same two nibbles
        group[to + layout.quadByte(lane, i)] = row[from + header + i];
      }
    }
  }

  /** Element [row, column] in float32. */
  float value(int row, int column) {
    int lane = row % ROW_GROUP;
    long block =
        row / ROW_GROUP * layout.groupBytes()
            + (long) (column / type().blockSize()) * layout.blockBytes();
    return switch (type()) {
      case F32 -> data.get(FLOAT, block + (long) lane * Float.BYTES);
      case F16 -> half(block, lane);
      case BF16 -> Float.intBitsToFloat(data.get(SHORT, block + (long) lane * Short.BYTES) << 16);
      case Q4_0 -> half(block + layout.scalesOffset(), lane) * (nibble(block, lane, column) - 8);
      case Q4_1 ->
          Math.fma(
              half(block + layout.scalesOffset(), lane),
              nibble(block, lane, column),
              half(block + layout.minimumsOffset(), lane));
      case Q8_0 ->
          half(block + layout.scalesOffset(), lane)
              * quad(block, lane, column % QUANTIZATION_BLOCK);
    };
  }

  private int nibble(long block, int lane, int column) {
    int shift = column % QUANTIZATION_BLOCK < QUANTIZATION_BLOCK / 2 ? 0 : 4;
    return quad(block, lane, column % QUANTIZATION_BLOCK) >> shift & 15;
  }

  private byte quad(long block, int lane, int column) {
    return data.get(ValueLayout.JAVA_BYTE, block + layout.quadByte(lane, column));
  }

  private float half(long offset, int lane) {
    return Float.float16ToFloat(data.get(SHORT, offset + (long) lane * Short.BYTES));
  }

  @Override
  public ElementType type() {
    return layout.type();
  }

  @Override
  public int columns() {
    return layout.columns();
  }

  @Override
  public long bytes() {
    return data.byteSize();
  }
}
