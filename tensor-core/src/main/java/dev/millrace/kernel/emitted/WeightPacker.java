package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.millrace.kernel.QuantizedRow;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** From a file's layout to {@link PackedLayout}, group by group. For one thread. */
final class WeightPacker {
  private static final int NIBBLE_MASK = 15;
  private static final int NIBBLE = 4;

  private final PackedLayout layout;
  private final ElementType type;
  private final QuantizedRow row; // idle where the type is plain
  private final byte[] group;

  // Where each of a block's 32 columns goes, for lane 0.
  private final int[] quadByte = new int[QUANTIZATION_BLOCK];
  private final int[] nibbleShift = new int[QUANTIZATION_BLOCK];
  private final int[] highByte = new int[QUANTIZATION_BLOCK];
  private final int[] highShift = new int[QUANTIZATION_BLOCK];

  WeightPacker(PackedLayout layout) {
    this.layout = layout;
    type = layout.type();
    row = new QuantizedRow(type, layout.columns());
    group = new byte[Math.toIntExact(layout.groupBytes())];
    for (int i = 0; i < QUANTIZATION_BLOCK; i++) {
      quadByte[i] = layout.quadByte(0, i);
      nibbleShift[i] = layout.nibbleShift(i);
      if (layout.highBits() > 0) {
        highByte[i] = layout.highByte(0, i);
        highShift[i] = layout.highShift(i);
      }
    }
  }

  /**
   * Packs the groups of rows [from, to), which a panel has, to where they belong in {@code all}.
   */
  void pack(MemorySegment panel, int from, int to, MemorySegment all) {
    int rows = layout.groupRows();
    for (int first = from; first < to; first += rows) {
      Arrays.fill(group, (byte) 0);
      for (int lane = 0; lane < Math.min(rows, to - first); lane++) {
        packRow(panel, first - from + lane, lane);
      }
      long place = first / rows * layout.groupBytes();
      MemorySegment.copy(group, 0, all, JAVA_BYTE, place, group.length);
    }
  }

  private void packRow(MemorySegment panel, int index, int lane) {
    if (type.isQuantized()) {
      row.read(panel, index);
      packQuantized(lane);
    } else {
      packPlain(panel, index, lane);
    }
  }

  private void packPlain(MemorySegment source, long from, int lane) {
    int size = type.blockBytes();
    long first = from * type.bytes(layout.columns());
    for (int column = 0; column < layout.columns(); column++) {
      int to = column * layout.blockBytes() + lane * size;
      MemorySegment.copy(source, JAVA_BYTE, first + (long) column * size, group, to, size);
    }
  }

  private void packQuantized(int lane) {
    int groups = layout.scaleGroups();
    for (int block = 0; block < layout.blocks(); block++) {
      int to = (int) layout.block(block);
      packLevels(block * QUANTIZATION_BLOCK, to + lane * PackedLayout.QUAD);
      if (!type.hasSubScales()) {
        packHalves(block, to + layout.scale(lane, 0));
        continue;
      }
      for (int i = 0; i < groups; i++) {
        group[to + layout.scale(lane, i)] = row.subScale(block * groups + i);
      }
      if (type.hasMinimum()) {
        group[to + layout.minimum(lane)] = row.subMinimum(block);
      }
      if (block % layout.blocksOfHeader() == 0) {
        int header = (int) layout.header(block) + lane * Short.BYTES;
        packHalves(block / layout.blocksOfHeader(), header);
      }
    }
  }

  private void packLevels(int column, int to) {
    boolean nibbles = layout.hasNibbles();
    boolean high = layout.highBits() > 0;
    for (int i = 0; i < QUANTIZATION_BLOCK; i++) {
      int q = row.level(column + i) + type.zeroPoint();
      int low = nibbles ? q & NIBBLE_MASK : q;
      group[to + quadByte[i]] |= (byte) (low << nibbleShift[i]);
      if (high) {
        group[to + highByte[i]] |= (byte) (q >> NIBBLE << highShift[i]);
      }
    }
  }

  /** A file's block's fp16 scale, and its minimum behind all rows' scales. */
  private void packHalves(int block, int to) {
    set(to, row.scaleBits(block));
    if (type.hasMinimum()) {
      set(to + layout.headerMinimumsOffset(), row.minimumBits(block));
    }
  }

  private void set(int at, short half) {
    group[at] = (byte) half;
    group[at + 1] = (byte) (half >> Byte.SIZE);
  }
}
