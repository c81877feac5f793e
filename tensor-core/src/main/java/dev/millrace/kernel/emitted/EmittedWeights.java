package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.Kernels.ROW_GROUP;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.millrace.kernel.ActivationPrecision;
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
      PackedLayout layout,
      MemorySegment source,
      int rows,
      Map<ActivationPrecision, MultiplyCode> codes,
      Arena arena) {
    int groups = Math.ceilDiv(rows, ROW_GROUP);
    MemorySegment data = arena.allocate(groups * layout.groupBytes(), 64);
    WeightPacker packer = new WeightPacker(layout);
    for (int group = 0; group < groups; group++) {
      packer.pack(source, rows, group, data);
    }
    return new EmittedWeights(layout, rows, data, codes);
  }

  /** The product with activations of a precision; with any, of plain weights. */
  MultiplyCode code(ActivationPrecision precision) {
    return Objects.requireNonNull(codes.get(precision));
  }

  /** Element [row, column] in float32. */
  float value(int row, int column) {
    int lane = row % ROW_GROUP;
    long group = row / ROW_GROUP * layout.groupBytes();
    long plain = group + (long) column * layout.blockBytes();
    return switch (type()) {
      case F32 -> data.get(FLOAT, plain + (long) lane * Float.BYTES);
      case F16 -> half(plain, lane);
      case BF16 -> Float.intBitsToFloat(data.get(SHORT, plain + (long) lane * Short.BYTES) << 16);
      default -> quantizedValue(group, lane, column);
    };
  }

  private float quantizedValue(long group, int lane, int column) {
    int index = column / QUANTIZATION_BLOCK;
    long header = group + layout.header(index);
    long block = group + layout.block(index);
    int i = column % QUANTIZATION_BLOCK;
    int level = stored(block, lane, i) - type().zeroPoint();
    if (!type().hasSubScales()) {
      float scale = half(block + layout.scalesOffset(), lane);
      return type().hasMinimum()
          ? Math.fma(scale, level, half(block + layout.minimumsOffset(), lane))
          : scale * level;
    }
    int subScale = data.get(JAVA_BYTE, block + layout.scale(lane, i / type().scaleGroup()));
    float scale = half(header, lane) * subScale;
    return type().hasMinimum()
        ? Math.fma(
            scale,
            level,
            half(header + layout.headerMinimumsOffset(), lane)
                * data.get(JAVA_BYTE, block + layout.minimum(lane)))
        : scale * level;
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
