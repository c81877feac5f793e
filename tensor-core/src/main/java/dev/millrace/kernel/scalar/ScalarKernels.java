package dev.millrace.kernel.scalar;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Arguments;
import dev.millrace.kernel.Functions;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.QuantizedRow;
import dev.millrace.kernel.QuantizedRows;
import dev.millrace.kernel.WeightSource;
import dev.millrace.kernel.Weights;
import dev.millrace.kv.KvLayer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** Says what each kernel means, in plain Java over the file's own layout. Clear, not fast. */
public final class ScalarKernels implements Kernels {

  @Override
  public String name() {
    return "scalar";
  }

  @Override
  public Weights pack(WeightSource source, Arena arena) {
    Arguments.checkWeights(source.type(), source.rows(), source.columns());
    long rowBytes = source.type().bytes(source.columns());
    MemorySegment data = arena.allocate(source.rows() * rowBytes);
    source.forEachPanel(
        (panel, from, _) -> MemorySegment.copy(panel, 0, data, from * rowBytes, panel.byteSize()));
    return new ScalarWeights(source.type(), source.rows(), source.columns(), data);
  }

  @Override
  public QuantizedRows quantizedRows(
      ActivationPrecision precision, int maxRows, int columns, Arena arena) {
    Arguments.checkQuantizedRows(maxRows, columns);
    return ScalarRows.allocate(precision, maxRows, columns, arena);
  }

  @Override
  public void quantize(
      MemorySegment x, QuantizedRows into, int fromRow, int toRow, int fromColumn, int toColumn) {
    Arguments.checkQuantize(x, into, fromRow, toRow, fromColumn, toColumn);
    ScalarRows rows = (ScalarRows) into;
    for (int row = fromRow; row < toRow; row++) {
      for (int block = fromColumn / QUANTIZATION_BLOCK;
          block < toColumn / QUANTIZATION_BLOCK;
          block++) {
        rows.quantizeBlock(x, row, block);
      }
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
    ScalarWeights weights = (ScalarWeights) w;
    for (int r = fromOutput; r < toOutput; r++) {
      if (w.type().isQuantized() && q != null) {
        QuantizedRow row = weights.quantizedRow(r);
        for (int t = 0; t < rows; t++) {
          set(y, (long) t * yStride + r, weights.dotQuantized(row, (ScalarRows) q, t));
        }
      } else {
        for (int t = 0; t < rows; t++) {
          set(y, (long) t * yStride + r, weights.dotPlain(r, x, (long) t * w.columns()));
        }
      }
    }
  }

  @Override
  public void lookup(Weights w, int row, MemorySegment to, long toOffsetBytes) {
    Arguments.checkRange("row", row, row + 1L, w.rows());
    Arguments.checkFloats("to", to, toOffsetBytes, w.columns());
    ScalarWeights weights = (ScalarWeights) w;
    long first = toOffsetBytes / Float.BYTES;
    if (w.type().isQuantized()) {
      QuantizedRow taken = weights.quantizedRow(row);
      for (int k = 0; k < w.columns(); k++) {
        set(to, first + k, taken.value(k));
      }
    } else {
      for (int k = 0; k < w.columns(); k++) {
        set(to, first + k, weights.plainValue(row, k));
      }
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
    float[] partials = new float[Functions.PARTIALS];
    for (int row = fromRow; row < toRow; row++) {
      long first = (long) row * columns;
      Arrays.fill(partials, 0);
      for (int i = 0; i < columns; i++) {
        int j = i % Functions.PARTIALS;
        partials[j] = Math.fma(get(x, first + i), get(x, first + i), partials[j]);
      }
      float mean = Functions.join(partials) / columns;
      float scale = 1f / (float) Math.sqrt(mean + epsilon);
      for (int i = 0; i < columns; i++) {
        set(y, first + i, get(x, first + i) * scale * get(weight, i));
      }
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
      for (int head = 0; head < heads; head++) {
        long first = (long) row * xStride + (long) head * headDim;
        for (int i = 0; i < headDim; i += 2) {
          float cos = get(cosSin, (long) positions[row] * headDim + i);
          float sin = get(cosSin, (long) positions[row] * headDim + i + 1);
          float a = get(x, first + i);
          float b = get(x, first + i + 1);
          set(x, first + i, Math.fma(a, cos, -(b * sin)));
          set(x, first + i + 1, Math.fma(a, sin, b * cos));
        }
      }
    }
  }

  @Override
  public void swiglu(MemorySegment gate, MemorySegment up, MemorySegment out, long from, long to) {
    Arguments.checkElements(gate, from, to);
    Arguments.checkElements(up, from, to);
    Arguments.checkElements(out, from, to);
    for (long i = from; i < to; i++) {
      set(out, i, Functions.silu(get(gate, i)) * get(up, i));
    }
  }

  @Override
  public void add(MemorySegment x, MemorySegment y, long from, long to) {
    Arguments.checkElements(x, from, to);
    Arguments.checkElements(y, from, to);
    for (long i = from; i < to; i++) {
      set(x, i, get(x, i) + get(y, i));
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
    Arguments.checkStoreKv(layer, block, slot, k, kOffsetBytes, v, vOffsetBytes);
    for (int head = 0; head < layer.kvHeads(); head++) {
      long first = (long) head * layer.headDim();
      for (int d = 0; d < layer.headDim(); d++) {
        float key = get(k, kOffsetBytes / Float.BYTES + first + d);
        float value = get(v, vOffsetBytes / Float.BYTES + first + d);
        layer.set(layer.k(), layer.keyOffset(block, head, slot, d), key);
        layer.set(layer.v(), layer.valueOffset(block, head, slot, d), value);
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
    int sharing = heads / layer.kvHeads();
    long stateFloats = Kernels.attentionStateFloats(layer.headDim());
    for (int row = 0; row < rows; row++) {
      long queries = (qOffsetBytes + row * qRowBytes) / Float.BYTES;
      long states = (stateOffsetBytes + row * stateRowBytes) / Float.BYTES;
      for (int i = 0; i < sharing; i++) {
        long query = queries + (long) (kvHead * sharing + i) * layer.headDim();
        AttentionState s = new AttentionState(layer.headDim());
        s.attendSegment(q, query, scale, layer, blocks, kvHead, length + row, segment);
        s.write(state, states + i * stateFloats);
      }
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
    for (int head = 0; head < heads; head++) {
      long first =
          stateOffsetBytes / Float.BYTES + (long) head * Kernels.attentionStateFloats(headDim);
      AttentionState merged = AttentionState.read(state, first, headDim);
      for (int i = 1; i < segments; i++) {
        long next = first + i * stateStrideBytes / Float.BYTES;
        merged.merge(AttentionState.read(state, next, headDim));
      }
      long to = outOffsetBytes / Float.BYTES + (long) head * headDim;
      for (int d = 0; d < headDim; d++) {
        set(out, to + d, merged.outputs[d] / merged.sum);
      }
    }
  }

  @Override
  public int argmax(MemorySegment x, long offsetBytes, int n) {
    Arguments.checkFloats("x", x, offsetBytes, n);
    int best = -1;
    float highest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      float value = get(x, offsetBytes / Float.BYTES + i);
      if (!Float.isFinite(value)) {
        return -1;
      }
      if (value > highest) {
        best = i;
        highest = value;
      }
    }
    return best;
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
    float[] partials = new float[Functions.PARTIALS];
    float sum = 0;
    for (int begin = 0; begin < n; begin += VOCABULARY_SEGMENT) {
      Arrays.fill(partials, 0);
      for (int i = begin; i < Math.min(n, begin + VOCABULARY_SEGMENT); i++) {
        float difference = get(x, offsetBytes / Float.BYTES + i) - max;
        float weight = Functions.exp(difference * invTemperature);
        set(weights, weightsOffsetBytes / Float.BYTES + i, weight);
        partials[i % Functions.PARTIALS] += weight;
      }
      sum += Functions.join(partials);
    }
    return sum;
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
    for (int j = 0; j < THRESHOLDS; j++) {
      float[] partials = new float[Functions.PARTIALS];
      for (int i = 0; i < n; i++) {
        if (get(x, offsetBytes / Float.BYTES + i) >= thresholds[j]) {
          partials[i % Functions.PARTIALS] += get(weights, weightsOffsetBytes / Float.BYTES + i);
        }
      }
      sums[j] = Functions.join(partials);
    }
  }

  @Override
  public int select(MemorySegment x, long offsetBytes, int n, float from, float below, int[] into) {
    Arguments.checkFloats("x", x, offsetBytes, n);
    int count = 0;
    for (int i = 0; i < n; i++) {
      float value = get(x, offsetBytes / Float.BYTES + i);
      if (value >= from && value < below) {
        into[count++] = i;
      }
    }
    return count;
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
    for (int i = 0; i < n; i++) {
      boolean isChosen = (chosen[i / Long.SIZE] >>> i & 1) != 0;
      float value = isChosen ? get(x, offsetBytes / Float.BYTES + i) : otherwise;
      set(out, outOffsetBytes / Float.BYTES + i, value);
    }
  }

  private static float get(MemorySegment segment, long index) {
    return segment.getAtIndex(JAVA_FLOAT, index);
  }

  private static void set(MemorySegment segment, long index, float value) {
    segment.setAtIndex(JAVA_FLOAT, index, value);
  }
}
