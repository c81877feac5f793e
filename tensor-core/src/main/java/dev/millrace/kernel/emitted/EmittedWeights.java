package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.WeightSource;
import dev.millrace.kernel.Weights;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.Objects;

/** Weights packed as {@link PackedLayout} says. */
record EmittedWeights(
    PackedLayout layout, int rows, MemorySegment data, Map<ActivationPrecision, MultiplyCode> codes)
    implements Weights {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  static EmittedWeights pack(
      WeightSource source,
      PackedLayout layout,
      Map<ActivationPrecision, MultiplyCode> codes,
      Arena arena) {
    int groups = Math.ceilDiv(source.rows(), layout.groupRows());
    MemorySegment data = arena.allocate(groups * layout.groupBytes(), 64);
    WeightPacker packer = new WeightPacker(layout);
    source.forEachPanel((panel, from, to) -> packer.pack(panel, from, to, data));
    return new EmittedWeights(layout, source.rows(), data, codes);
  }

  /** The product with activations of a precision; with any, of plain weights. */
  MultiplyCode code(ActivationPrecision precision) {
    return Objects.requireNonNull(codes.get(precision));
  }

  /** Writes one row in float32. */
  void widen(int row, MemorySegment to, long toOffset) {
    long group = (long) (row / layout.groupRows()) * layout.groupBytes();
    int lane = row % layout.groupRows();
    if (!type().isQuantized()) {
      for (int column = 0; column < columns(); column++) {
        to.set(FLOAT, toOffset + column * 4L, plain(group, lane, column));
      }
      return;
    }
    for (int block = 0; block < layout.blocks(); block++) {
      long at = toOffset + (long) block * QUANTIZATION_BLOCK * Float.BYTES;
      for (int part = 0; part < layout.scaleGroups(); part++) {
        widen(group, lane, block, part, to, at);
      }
    }
  }

  private float plain(long group, int lane, int column) {
    long at = group + (long) column * layout.blockBytes();
    return switch (type()) {
      case F32 -> data.get(FLOAT, at + (long) lane * Float.BYTES);
      case F16 -> half(at, lane);
      case BF16 -> Float.intBitsToFloat(data.get(SHORT, at + (long) lane * Short.BYTES) << 16);
      default -> throw new AssertionError(type() + " is quantized");
    };
  }

  /** Columns of a block that share a scale. */
  private void widen(long group, int lane, int index, int part, MemorySegment to, long toOffset) {
    long header = group + layout.header(index);
    long block = group + layout.block(index);
    float scale;
    float minimum = 0;
    if (type().hasSubScales()) {
      scale = half(header, lane) * data.get(JAVA_BYTE, block + layout.scale(lane, part));
      if (type().hasMinimum()) {
        minimum =
            half(header + layout.headerMinimumsOffset(), lane)
                * data.get(JAVA_BYTE, block + layout.minimum(lane));
      }
    } else {
      scale = half(block + layout.scalesOffset(), lane);
      if (type().hasMinimum()) {
        minimum = half(block + layout.minimumsOffset(), lane);
      }
    }
    int columns = type().scaleGroup();
    int zeroPoint = type().zeroPoint();
    boolean hasMinimum = type().hasMinimum();
    for (int i = part * columns; i < (part + 1) * columns; i++) {
      int level = stored(block, lane, i) - zeroPoint;
      float value = hasMinimum ? Math.fma(scale, level, minimum) : scale * level;
      to.set(FLOAT, toOffset + (long) i * Float.BYTES, value);
    }
  }

  private int stored(long block, int lane, int i) {
    int quad = data.get(JAVA_BYTE, block + layout.quadByte(lane, i));
    if (!layout.hasNibbles()) {
      return quad;
    }
    int low = quad >> layout.nibbleShift(i) & 15;
    if (layout.highBits() == 0) {
      return low;
    }
    int high = data.get(JAVA_BYTE, block + layout.highByte(lane, i)) >> layout.highShift(i);
    return low | (high & (1 << layout.highBits()) - 1) << 4;
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
