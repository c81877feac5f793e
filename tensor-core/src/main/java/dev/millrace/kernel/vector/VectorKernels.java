package dev.millrace.kernel.vector;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Arguments;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.QuantizedRows;
import dev.millrace.kernel.WeightSource;
import dev.millrace.kernel.Weights;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvType;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** The Vector API tier. Needs the module jdk.incubator.vector. */
public final class VectorKernels implements Kernels {
  @Override
  public String name() {
    return "vector";
  }

  @Override
  public Weights pack(WeightSource source, Arena arena) {
    Arguments.checkWeights(source.type(), source.rows(), source.columns());
    return Packer.pack(source, arena);
  }

  @Override
  public QuantizedRows quantizedRows(
      ActivationPrecision precision, int maxRows, int columns, Arena arena) {
    Arguments.checkQuantizedRows(maxRows, columns);
    return VectorRows.allocate(precision, maxRows, columns, arena);
  }

  @Override
  public void quantize(
      MemorySegment x, QuantizedRows into, int fromRow, int toRow, int fromColumn, int toColumn) {
    Arguments.checkQuantize(x, into, fromRow, toRow, fromColumn, toColumn);
    VectorRows rows = (VectorRows) into;
    Arguments.checkFloats("quantized rows", rows.integers(), 0, 0);
    for (int row = fromRow; row < toRow; row++) {
      Quantizer.quantize(x.address(), rows, row, fromColumn, toColumn);
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
    VectorWeights weights = (VectorWeights) w;
    Arguments.checkFloats("weights", weights.data(), 0, 0);
    if (!w.type().isQuantized() || q == null) {
      PlainProduct.multiply(weights, x.address(), rows, y.address(), yStride, fromOutput, toOutput);
      return;
    }
    VectorRows rounded = (VectorRows) q;
    Arguments.checkFloats("quantized rows", rounded.integers(), 0, 0);
    if (!fitsFloats(w.type(), q.precision())) {
      IntegerProduct.multiply(weights, rounded, rows, y.address(), yStride, fromOutput, toOutput);
    } else if (rows == 1) {
      RowProduct.multiply(weights, rounded, y.address(), fromOutput, toOutput);
    } else {
      BlockProduct.multiply(weights, rounded, rows, y.address(), yStride, fromOutput, toOutput);
    }
  }

  /** Whether there is a product in float32, which must be exact. */
  private static boolean fitsFloats(ElementType type, ActivationPrecision precision) {
    return precision == ActivationPrecision.INT8
        && switch (type) {
          case Q4_0, Q4_1, Q8_0 -> true;
          default -> false;
        };
  }

  @Override
  public void lookup(Weights w, int row, MemorySegment to, long toOffsetBytes) {
    Arguments.checkRange("row", row, row + 1L, w.rows());
    Arguments.checkFloats("to", to, toOffsetBytes, w.columns());
    VectorWeights weights = (VectorWeights) w;
    for (int k = 0; k < w.columns(); k++) {
      to.set(JAVA_FLOAT, toOffsetBytes + (long) k * Float.BYTES, weights.value(row, k));
    }
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
    Arguments.checkRmsNorm(x, weight, y, columns, fromRow, toRow);
    for (int row = fromRow; row < toRow; row++) {
      long offset = (long) row * columns * Float.BYTES;
      Elementwise.rmsNorm(
          x.address() + offset, weight.address(), epsilon, y.address() + offset, columns);
    }
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
    Arguments.checkRope(x, xStride, heads, headDim, cosSin, positions, fromRow, toRow);
    for (int row = fromRow; row < toRow; row++) {
      long angles = cosSin.address() + (long) positions[row] * headDim * Float.BYTES;
      for (int head = 0; head < heads; head++) {
        long offset = ((long) row * xStride + (long) head * headDim) * Float.BYTES;
        Elementwise.rotate(x.address() + offset, headDim, angles);
      }
    }
  }

  @Override
  public void swiglu(MemorySegment gate, MemorySegment up, MemorySegment out, long from, long to) {
    Arguments.checkElements(gate, from, to);
    Arguments.checkElements(up, from, to);
    Arguments.checkElements(out, from, to);
    Elementwise.swiglu(gate.address(), up.address(), out.address(), from, to);
  }

  @Override
  public void add(MemorySegment x, MemorySegment y, long from, long to) {
    Arguments.checkElements(x, from, to);
    Arguments.checkElements(y, from, to);
    Elementwise.add(x.address(), y.address(), from, to);
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
    Arguments.checkStoreKv(layer, block, slot, k, kOffsetBytes, v, vOffsetBytes);
    int headDim = layer.headDim();
    for (int head = 0; head < layer.kvHeads(); head++) {
      long from = (long) head * headDim * Float.BYTES;
      long key = layer.keyOffset(block, head, slot, 0);
      long value = layer.valueOffset(block, head, slot, 0);
      long keyStep = (long) layer.blockSize() * layer.type().bytes();
      long valueStep = layer.type().bytes();
      for (int d = 0; d < headDim; d++) {
        long at = from + (long) d * Float.BYTES;
        layer.set(layer.k(), key + d * keyStep, k.get(JAVA_FLOAT, kOffsetBytes + at));
        layer.set(layer.v(), value + d * valueStep, v.get(JAVA_FLOAT, vOffsetBytes + at));
      }
    }
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
    if (layer.headDim() > VectorAttention.MAX_WIDENED && layer.type() != KvType.F32) {
      throw new IllegalArgumentException(
          "heads of %d features in %s: at most %d may be widened"
              .formatted(layer.headDim(), layer.type(), VectorAttention.MAX_WIDENED));
    }
    int sharing = heads / layer.kvHeads();
    if (sharing > VectorAttention.MAX_QUERIES) {
      throw new IllegalArgumentException(
          "%d query heads share a key-value head: at most %d may"
              .formatted(sharing, VectorAttention.MAX_QUERIES));
    }
    int rowsAtOnce = VectorAttention.MAX_QUERIES / sharing;
    long firstQuery = (long) kvHead * sharing * layer.headDim() * Float.BYTES;
    for (int row = 0; row < rows; row += rowsAtOnce) {
      VectorAttention.attend(
          q.address() + qOffsetBytes + row * qRowBytes + firstQuery,
          qRowBytes,
          Math.min(rowsAtOnce, rows - row),
          sharing,
          scale,
          layer,
          blocks,
          kvHead,
          length + row,
          segment,
          state.address() + stateOffsetBytes + row * stateRowBytes,
          stateRowBytes);
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
    Arguments.checkMergeSegments(
        state, stateOffsetBytes, stateStrideBytes, segments, heads, headDim, out, outOffsetBytes);
    long stateBytes = (long) Kernels.attentionStateFloats(headDim) * Float.BYTES;
    for (int head = 0; head < heads; head++) {
      VectorAttention.merge(
          state.address() + stateOffsetBytes + head * stateBytes,
          stateStrideBytes,
          segments,
          headDim,
          out.address() + outOffsetBytes + (long) head * headDim * Float.BYTES);
    }
  }

  @Override
  public int argmax(MemorySegment x, long offsetBytes, int n) {
    Arguments.checkFloats("x", x, offsetBytes, n);
    return VocabularyScan.argmax(x.address() + offsetBytes, n);
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
    Arguments.checkFloats("x", x, offsetBytes, n);
    Arguments.checkFloats("weights", weights, weightsOffsetBytes, n);
    return VocabularyScan.exp(
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
    Arguments.checkSumsFrom(x, offsetBytes, weights, weightsOffsetBytes, n, thresholds, sums);
    VocabularyScan.sumsFrom(
        x.address() + offsetBytes, weights.address() + weightsOffsetBytes, n, thresholds, sums);
  }

  @Override
  public int select(MemorySegment x, long offsetBytes, int n, float from, float below, int[] into) {
    Arguments.checkFloats("x", x, offsetBytes, n);
    return VocabularyScan.select(x.address() + offsetBytes, n, from, below, into);
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
    Arguments.checkChoose(x, offsetBytes, n, chosen, out, outOffsetBytes);
    VocabularyScan.choose(
        x.address() + offsetBytes, n, chosen, otherwise, out.address() + outOffsetBytes);
  }
}
