package dev.millrace.kernel.emitted;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Arguments;
import dev.millrace.kernel.Functions;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.QuantizedRows;
import dev.millrace.kernel.WeightSource;
import dev.millrace.kernel.Weights;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Kernels as emitted machine code. What no model needs often, looking tokens up, shapes that aren't
 * whole vectors, is done by another tier, which gives the same bits.
 */
public final class EmittedKernels implements Kernels {
  /** Where the last group's outputs go first when it isn't whole: [MAX_TILE][its rows] floats. */
  private static final ThreadLocal<MemorySegment> TAIL =
      ThreadLocal.withInitial(
          () ->
              Arena.ofAuto().allocate((long) MultiplyCode.MAX_TILE * ROW_GROUP * Float.BYTES, 64));

  private final Kernels others;
  private final Isa isa;
  private final RowCode rowCode;
  private final Map<ActivationPrecision, QuantizeCode> rounding =
      new EnumMap<>(ActivationPrecision.class);
  private final Map<KvType, StoreCode> storing = new EnumMap<>(KvType.class);

  /**
   * Code by layout, for the arenas of the models that are loaded: emitted once a shape. Closed ones
   * are forgotten when another model is packed.
   */
  private final Map<Arena, Map<PackedLayout, Map<ActivationPrecision, MultiplyCode>>> codes =
      new HashMap<>();

  /**
   * Attention's code, emitted when a shape of the cache is first met: a server sees a few, and
   * looks here in every call.
   */
  private volatile AttendCode[] attendCodes = {};

  /**
   * @param others does what isn't emitted
   */
  public EmittedKernels(Kernels others, Isa isa) {
    this.others = others;
    this.isa = isa;
    rowCode = new RowCode(isa, Arena.ofAuto());
    for (ActivationPrecision precision : ActivationPrecision.values()) {
      rounding.put(precision, new QuantizeCode(precision, Arena.ofAuto()));
    }
    for (KvType type : KvType.values()) {
      storing.put(type, new StoreCode(type, Arena.ofAuto()));
    }
  }

  @Override
  public String name() {
    return "emitted";
  }

  public Isa isa() {
    return isa;
  }

  @Override
  public Weights pack(WeightSource source, Arena arena) {
    Arguments.checkWeights(source.type(), source.rows(), source.columns());
    PackedLayout layout = new PackedLayout(source.type(), source.columns(), isa);
    Map<ActivationPrecision, MultiplyCode> layoutCodes;
    synchronized (codes) {
      codes.keySet().removeIf(known -> !known.scope().isAlive());
      layoutCodes =
          codes
              .computeIfAbsent(arena, a -> new HashMap<>())
              .computeIfAbsent(layout, l -> codes(l, arena));
    }
    return EmittedWeights.pack(source, layout, layoutCodes, arena);
  }

  private Map<ActivationPrecision, MultiplyCode> codes(PackedLayout layout, Arena arena) {
    Map<ActivationPrecision, MultiplyCode> codes = new EnumMap<>(ActivationPrecision.class);
    for (ActivationPrecision precision : ActivationPrecision.values()) {
      codes.put(precision, new MultiplyCode(layout, precision, arena));
    }
    return codes;
  }

  @Override
  public QuantizedRows quantizedRows(
      ActivationPrecision precision, int maxRows, int columns, Arena arena) {
    Arguments.checkQuantizedRows(maxRows, columns);
    return EmittedRows.allocate(precision, maxRows, columns, arena);
  }

  @Override
  public void quantize(
      MemorySegment x, QuantizedRows into, int fromRow, int toRow, int fromColumn, int toColumn) {
    Arguments.checkQuantize(x, into, fromRow, toRow, fromColumn, toColumn);
    EmittedRows rows = (EmittedRows) into;
    Arguments.checkAlive("into", rows.data());
    QuantizeCode code = Objects.requireNonNull(rounding.get(rows.precision()));
    int blocks = (toColumn - fromColumn) / QUANTIZATION_BLOCK;
    long firstRecord = rows.data().address() + rows.columnBytes(fromColumn);
    for (int row = fromRow; row < toRow; row++) {
      code.run(
          x.address() + ((long) row * rows.columns() + fromColumn) * Float.BYTES,
          firstRecord + row * rows.rowBytes(),
          blocks);
    }
  }

  @Override
  public void multiply(
      Weights w,
      MemorySegment x,
      @Nullable QuantizedRows q,
      int rows,
      MemorySegment y,
      int yStride,
      int fromOutput,
      int toOutput) {
    Arguments.checkMultiply(w, x, q, rows, y, yStride, fromOutput, toOutput);
    EmittedWeights weights = (EmittedWeights) w;
    Arguments.checkAlive("w", weights.data());
    PackedLayout layout = weights.layout();
    MultiplyCode code;
    long activations;
    long rowBytes;
    if (layout.type().isQuantized() && q != null) {
      EmittedRows rounded = (EmittedRows) q;
      Arguments.checkAlive("q", rounded.data());
      code = weights.code(rounded.precision());
      activations = rounded.data().address();
      rowBytes = rounded.rowBytes();
    } else {
      code = weights.code(ActivationPrecision.INT8);
      activations = x.address();
      rowBytes = (long) layout.columns() * Float.BYTES;
    }
    long yStrideBytes = (long) yStride * Float.BYTES;
    long groupBytes = layout.groupBytes();
    int groupRows = layout.groupRows();
    long packed = weights.data().address() + fromOutput / groupRows * groupBytes;
    int wholeGroups = (toOutput - fromOutput) / groupRows;
    long to = y.address() + (long) fromOutput * Float.BYTES;
    code.run(rows, packed, groupBytes, activations, rowBytes, to, yStrideBytes, wholeGroups);
    int tailOutputs = (toOutput - fromOutput) % groupRows;
    for (int row = 0; tailOutputs > 0 && row < rows; row += MultiplyCode.MAX_TILE) {
      int tile = Math.min(rows - row, MultiplyCode.MAX_TILE);
      long tailGroup = packed + wholeGroups * groupBytes;
      MemorySegment tail = TAIL.get();
      long tailStride = (long) groupRows * Float.BYTES;
      code.run(
          tile,
          tailGroup,
          groupBytes,
          activations + row * rowBytes,
          rowBytes,
          tail.address(),
          tailStride,
          1);
      for (int i = 0; i < tile; i++) {
        long outputs = (row + i) * yStrideBytes + (long) (toOutput - tailOutputs) * Float.BYTES;
        MemorySegment.copy(tail, i * tailStride, y, outputs, (long) tailOutputs * Float.BYTES);
      }
    }
  }

  @Override
  public void lookup(Weights w, int row, MemorySegment to, long toOffsetBytes) {
    Arguments.checkRange("row", row, row + 1L, w.rows());
    Arguments.checkFloats("to", to, toOffsetBytes, w.columns());
    ((EmittedWeights) w).widen(row, to, toOffsetBytes);
  }

  @Override
  public void rmsNorm(
      MemorySegment x,
      MemorySegment weight,
      float epsilon,
      MemorySegment y,
      int columns,
      int fromRow,
      int toRow) {
    if (columns % Functions.PARTIALS != 0) {
      others.rmsNorm(x, weight, epsilon, y, columns, fromRow, toRow);
      return;
    }
    Arguments.checkRmsNorm(x, weight, y, columns, fromRow, toRow);
    long offset = (long) fromRow * columns * Float.BYTES;
    rowCode.rmsNorm(
        x.address() + offset,
        weight.address(),
        epsilon,
        y.address() + offset,
        columns,
        toRow - fromRow);
  }

  @Override
  public void rope(
      MemorySegment x,
      int xStride,
      int heads,
      int headDim,
      MemorySegment cosSin,
      int[] positions,
      int fromRow,
      int toRow) {
    if (headDim % Functions.PARTIALS != 0) {
      others.rope(x, xStride, heads, headDim, cosSin, positions, fromRow, toRow);
      return;
    }
    Arguments.checkRope(x, xStride, heads, headDim, cosSin, positions, fromRow, toRow);
    for (int row = fromRow; row < toRow; row++) {
      long angles = cosSin.address() + (long) positions[row] * headDim * Float.BYTES;
      rowCode.rope(x.address() + (long) row * xStride * Float.BYTES, heads, headDim, angles);
    }
  }

  @Override
  public void swiglu(MemorySegment gate, MemorySegment up, MemorySegment out, long from, long to) {
    Arguments.checkElements(gate, from, to);
    Arguments.checkElements(up, from, to);
    Arguments.checkElements(out, from, to);
    long whole = RowCode.whole(to - from);
    long at = from * Float.BYTES;
    rowCode.swiglu(gate.address() + at, up.address() + at, out.address() + at, whole);
    if (from + whole < to) {
      others.swiglu(gate, up, out, from + whole, to);
    }
  }

  @Override
  public void add(MemorySegment x, MemorySegment y, long from, long to) {
    Arguments.checkElements(x, from, to);
    Arguments.checkElements(y, from, to);
    long whole = RowCode.whole(to - from);
    long at = from * Float.BYTES;
    rowCode.add(x.address() + at, y.address() + at, whole);
    if (from + whole < to) {
      others.add(x, y, from + whole, to);
    }
  }

  @Override
  public void storeKv(
      KvLayer layer,
      int block,
      int slot,
      MemorySegment k,
      long kOffsetBytes,
      MemorySegment v,
      long vOffsetBytes) {
    if (layer.headDim() % StoreCode.AT_ONCE != 0) {
      others.storeKv(layer, block, slot, k, kOffsetBytes, v, vOffsetBytes);
      return;
    }
    Arguments.checkStoreKv(layer, block, slot, k, kOffsetBytes, v, vOffsetBytes);
    StoreCode code = Objects.requireNonNull(storing.get(layer.type()));
    code.run(layer, block, slot, k.address() + kOffsetBytes, v.address() + vOffsetBytes);
  }

  @Override
  public void attend(
      MemorySegment q,
      long qOffsetBytes,
      long qRowBytes,
      int rows,
      int heads,
      float scale,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int length,
      int segment,
      MemorySegment state,
      long stateOffsetBytes,
      long stateRowBytes) {
    Arguments.checkAttend(
        q,
        qOffsetBytes,
        qRowBytes,
        rows,
        heads,
        layer,
        blocks,
        kvHead,
        length,
        segment,
        state,
        stateOffsetBytes,
        stateRowBytes);
    int sharing = heads / layer.kvHeads();
    if (!AttendCode.isFor(layer, sharing)) {
      others.attend(
          q,
          qOffsetBytes,
          qRowBytes,
          rows,
          heads,
          scale,
          layer,
          blocks,
          kvHead,
          length,
          segment,
          state,
          stateOffsetBytes,
          stateRowBytes);
      return;
    }
    AttendCode code = attendCode(layer);
    long firstQuery = qOffsetBytes + (long) kvHead * sharing * layer.headDim() * Float.BYTES;
    int rowsAtOnce = AttendLayout.MAX_QUERIES / sharing;
    for (int row = 0; row < rows; row += rowsAtOnce) {
      code.run(
          q,
          firstQuery + row * qRowBytes,
          qRowBytes,
          Math.min(rowsAtOnce, rows - row),
          sharing,
          scale,
          layer,
          blocks,
          kvHead,
          length + row,
          segment,
          state,
          stateOffsetBytes + row * stateRowBytes,
          stateRowBytes);
    }
  }

  private AttendCode attendCode(KvLayer layer) {
    for (AttendCode code : attendCodes) {
      if (code.fits(layer)) {
        return code;
      }
    }
    synchronized (this) {
      for (AttendCode code : attendCodes) {
        if (code.fits(layer)) { // another thread's, meanwhile
          return code;
        }
      }
      AttendCode code =
          new AttendCode(layer.headDim(), layer.blockSize(), layer.type(), isa, Arena.ofAuto());
      AttendCode[] more = Arrays.copyOf(attendCodes, attendCodes.length + 1);
      more[attendCodes.length] = code;
      attendCodes = more;
      return code;
    }
  }

  @Override
  public void mergeSegments(
      MemorySegment state,
      long stateOffsetBytes,
      long stateStrideBytes,
      int segments,
      int heads,
      int headDim,
      MemorySegment out,
      long outOffsetBytes) {
    if (headDim % Functions.PARTIALS != 0) {
      others.mergeSegments(
          state, stateOffsetBytes, stateStrideBytes, segments, heads, headDim, out, outOffsetBytes);
      return;
    }
    Arguments.checkMergeSegments(
        state, stateOffsetBytes, stateStrideBytes, segments, heads, headDim, out, outOffsetBytes);
    rowCode.merge(
        state.address() + stateOffsetBytes,
        stateStrideBytes,
        segments,
        heads,
        headDim,
        out.address() + outOffsetBytes);
  }

  @Override
  public int argmax(MemorySegment x, long offsetBytes, int n) {
    if (n == 0 || n % Functions.PARTIALS != 0) {
      return others.argmax(x, offsetBytes, n);
    }
    Arguments.checkFloats("x", x, offsetBytes, n);
    return rowCode.argmax(x, offsetBytes, n);
  }

  @Override
  public float exp(
      MemorySegment x,
      long offsetBytes,
      int n,
      float max,
      float invTemperature,
      MemorySegment weights,
      long weightsOffsetBytes) {
    if (n % Functions.PARTIALS != 0) {
      return others.exp(x, offsetBytes, n, max, invTemperature, weights, weightsOffsetBytes);
    }
    Arguments.checkFloats("x", x, offsetBytes, n);
    Arguments.checkFloats("weights", weights, weightsOffsetBytes, n);
    return rowCode.exp(
        x.address() + offsetBytes, n, max, invTemperature, weights.address() + weightsOffsetBytes);
  }

  @Override
  public void sumsFrom(
      MemorySegment x,
      long offsetBytes,
      MemorySegment weights,
      long weightsOffsetBytes,
      int n,
      float[] thresholds,
      float[] sums) {
    others.sumsFrom(x, offsetBytes, weights, weightsOffsetBytes, n, thresholds, sums);
  }

  @Override
  public int select(MemorySegment x, long offsetBytes, int n, float from, float below, int[] into) {
    return others.select(x, offsetBytes, n, from, below, into);
  }

  @Override
  public void choose(
      MemorySegment x,
      long offsetBytes,
      int n,
      long[] chosen,
      float otherwise,
      MemorySegment out,
      long outOffsetBytes) {
    others.choose(x, offsetBytes, n, chosen, otherwise, out, outOffsetBytes);
  }
}
