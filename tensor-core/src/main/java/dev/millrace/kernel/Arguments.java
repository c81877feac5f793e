package dev.millrace.kernel;

import dev.millrace.kv.KvLayer;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * What every tier checks at its door, once a call, so that the loops inside needn't: fast tiers go
 * by address there, where nothing else stands between a slip and foreign memory.
 */
public final class Arguments {
  /** Of a head, and positions of a block: far above what is in use. */
  private static final int MAX_FEATURES = 1 << 20;

  private Arguments() {}

  public static void checkWeights(ElementType type, int rows, int columns) {
    if (rows < 1 || columns < 1) {
      throw new IllegalArgumentException(
          "weights of [" + rows + ", " + columns + "]: both sizes must be at least 1");
    }
    if (columns % type.blockSize() != 0) {
      throw new IllegalArgumentException(
          columns + " columns of " + type + ": must be a multiple of " + type.blockSize());
    }
  }

  /** Rows of weights as a file has them. */
  static void checkRows(ElementType type, MemorySegment source, int rows, int columns) {
    long expected = type.bytes((long) rows * columns);
    if (source.byteSize() != expected) {
      throw new IllegalArgumentException(
          "weights of [%d, %d] in %s take %d bytes, got %d"
              .formatted(rows, columns, type, expected, source.byteSize()));
    }
  }

  public static void checkQuantizedRows(int maxRows, int columns) {
    if (maxRows < 1 || columns < 1 || columns % Kernels.QUANTIZATION_BLOCK != 0) {
      throw new IllegalArgumentException(
          "quantized rows of [%d, %d]: at least 1 row, columns a multiple of %d"
              .formatted(maxRows, columns, Kernels.QUANTIZATION_BLOCK));
    }
  }

  public static void checkQuantize(
      MemorySegment x, QuantizedRows into, int fromRow, int toRow, int fromColumn, int toColumn) {
    checkRange("rows", fromRow, toRow, into.maxRows());
    checkRange("columns", fromColumn, toColumn, into.columns());
    if (fromColumn % Kernels.QUANTIZATION_BLOCK != 0
        || toColumn % Kernels.QUANTIZATION_BLOCK != 0) {
      throw new IllegalArgumentException(
          "columns [%d, %d): must be whole blocks of %d"
              .formatted(fromColumn, toColumn, Kernels.QUANTIZATION_BLOCK));
    }
    checkFloats("x", x, 0, (long) toRow * into.columns());
  }

  public static void checkMultiply(
      Weights w,
      MemorySegment x,
      @Nullable QuantizedRows q,
      int rows,
      MemorySegment y,
      int yStride,
      int fromOutput,
      int toOutput) {
    checkRange("outputs", fromOutput, toOutput, w.rows());
    if (fromOutput % Kernels.ROW_GROUP != 0) {
      throw new IllegalArgumentException(
          "first output " + fromOutput + ": must be a multiple of " + Kernels.ROW_GROUP);
    }
    if (rows < 0 || yStride < toOutput) {
      throw new IllegalArgumentException(
          "%d rows, %d floats apart, for outputs up to %d".formatted(rows, yStride, toOutput));
    }
    if (rows == 0) {
      return;
    }
    checkFloats("y", y, 0, (long) (rows - 1) * yStride + toOutput);
    if (!w.type().isQuantized()) {
      checkFloats("x", x, 0, (long) rows * w.columns());
    } else if (q == null || q.columns() != w.columns() || q.maxRows() < rows) {
      throw new IllegalArgumentException(
          "%s weights of %d columns times %d rows need as many quantized rows, got %s"
              .formatted(
                  w.type(),
                  w.columns(),
                  rows,
                  q == null ? "none" : "[" + q.maxRows() + ", " + q.columns() + "]"));
    }
  }

  public static void checkRmsNorm(
      MemorySegment x, MemorySegment weight, MemorySegment y, int columns, int fromRow, int toRow) {
    if (columns < 1) {
      throw new IllegalArgumentException("rows of " + columns + " columns: must be at least 1");
    }
    checkRange("rows", fromRow, toRow, Integer.MAX_VALUE);
    checkFloats("x", x, 0, (long) toRow * columns);
    checkFloats("weight", weight, 0, columns);
    checkFloats("y", y, 0, (long) toRow * columns);
  }

  public static void checkRope(
      MemorySegment x,
      int xStride,
      int heads,
      int headDim,
      MemorySegment cosSin,
      int[] positions,
      int fromRow,
      int toRow) {
    long rowFloats = (long) heads * headDim;
    if (heads < 1 || headDim < 2 || headDim % 2 != 0 || xStride < rowFloats) {
      throw new IllegalArgumentException(
          "rows of %d heads of %d features, %d floats apart: features must be even, and fit"
              .formatted(heads, headDim, xStride));
    }
    checkRange("rows", fromRow, toRow, positions.length);
    if (fromRow < toRow) {
      checkFloats("x", x, 0, (toRow - 1L) * xStride + rowFloats);
    }
    checkFloats("cosSin", cosSin, 0, 0);
    long rotations = cosSin.byteSize() / Float.BYTES / headDim;
    for (int row = fromRow; row < toRow; row++) {
      checkRange("position", positions[row], positions[row] + 1L, rotations);
    }
  }

  /** Elements [from, to) of {@code segment}. */
  public static void checkElements(MemorySegment segment, long from, long to) {
    checkRange("elements", from, to, Long.MAX_VALUE);
    checkFloats("a segment", segment, 0, to);
  }

  public static void checkStoreKv(
      KvLayer layer,
      int block,
      int slot,
      MemorySegment k,
      long kOffsetBytes,
      MemorySegment v,
      long vOffsetBytes) {
    checkRange("block", block, block + 1L, blocks(layer));
    checkRange("slot", slot, slot + 1L, layer.blockSize());
    long rowFloats = (long) layer.kvHeads() * layer.headDim();
    checkFloats("k", k, kOffsetBytes, rowFloats);
    checkFloats("v", v, vOffsetBytes, rowFloats);
  }

  /** How many blocks a layer has, after a look at its sizes. */
  private static long blocks(KvLayer layer) {
    if (layer.headDim() > MAX_FEATURES || layer.blockSize() > MAX_FEATURES) {
      throw new IllegalArgumentException(
          "heads of %d features in blocks of %d positions: at most %d of either"
              .formatted(layer.headDim(), layer.blockSize(), MAX_FEATURES));
    }
    long blockBytes =
        (long) layer.kvHeads() * layer.headDim() * layer.blockSize() * layer.type().bytes();
    long blocks = layer.k().byteSize() / blockBytes;
    checkFloats("keys", layer.k(), 0, blocks * blockBytes / Float.BYTES);
    checkFloats("values", layer.v(), 0, blocks * blockBytes / Float.BYTES);
    return blocks;
  }

  public static void checkAttend(
      MemorySegment q,
      long qOffsetBytes,
      long qRowBytes,
      int rows,
      int heads,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int length,
      int segment,
      MemorySegment state,
      long stateOffsetBytes,
      long stateRowBytes) {
    int kvHeads = layer.kvHeads();
    if (heads < 1 || heads % kvHeads != 0) {
      throw new IllegalArgumentException(
          heads + " query heads over " + kvHeads + " key-value heads: must be a multiple");
    }
    checkRange("key-value head", kvHead, kvHead + 1L, kvHeads);
    int segments = Math.ceilDiv(length, Kernels.ATTENTION_SEGMENT);
    checkRange("segment", segment, segment + 1L, segments);
    checkRows("q", q, qOffsetBytes, qRowBytes, rows, (long) heads * layer.headDim());
    long states = (long) heads / kvHeads * Kernels.attentionStateFloats(layer.headDim());
    checkRows("state", state, stateOffsetBytes, stateRowBytes, rows, states);
    long pool = blocks(layer);
    int begin = segment * Kernels.ATTENTION_SEGMENT;
    int last = Math.min(length + rows - 1, begin + Kernels.ATTENTION_SEGMENT) - 1;
    for (int i = begin / layer.blockSize(); i <= last / layer.blockSize(); i++) {
      checkRange("block", blocks[i], blocks[i] + 1L, pool);
    }
  }

  /** That each of some rows, at least one, has room. */
  private static void checkRows(
      String what, MemorySegment segment, long offset, long rowBytes, int rows, long floats) {
    if (rows < 1 || rowBytes < 0) {
      throw new IllegalArgumentException(
          "%d rows of %s, %d bytes apart: at least 1, ascending".formatted(rows, what, rowBytes));
    }
    checkFloats(what, segment, offset, floats);
    checkFloats(what, segment, offset + (rows - 1) * rowBytes, floats);
  }

  public static void checkMergeSegments(
      MemorySegment state,
      long stateOffsetBytes,
      long stateStrideBytes,
      int segments,
      int heads,
      int headDim,
      MemorySegment out,
      long outOffsetBytes) {
    if (segments < 1 || heads < 1 || headDim < 1 || headDim > MAX_FEATURES) {
      throw new IllegalArgumentException(
          "%d segments of %d heads of %d features".formatted(segments, heads, headDim));
    }
    long states = (long) heads * Kernels.attentionStateFloats(headDim);
    checkRows("state", state, stateOffsetBytes, stateStrideBytes, segments, states);
    checkFloats("out", out, outOffsetBytes, (long) heads * headDim);
  }

  public static void checkSumsFrom(
      MemorySegment x,
      long offsetBytes,
      MemorySegment weights,
      long weightsOffsetBytes,
      int n,
      float[] thresholds,
      float[] sums) {
    checkRange("values", 0, n, Kernels.VOCABULARY_SEGMENT);
    checkFloats("x", x, offsetBytes, n);
    checkFloats("weights", weights, weightsOffsetBytes, n);
    if (thresholds.length != Kernels.THRESHOLDS || sums.length != Kernels.THRESHOLDS) {
      throw new IllegalArgumentException(
          "%d thresholds and %d sums: each must be %d"
              .formatted(thresholds.length, sums.length, Kernels.THRESHOLDS));
    }
  }

  public static void checkChoose(
      MemorySegment x,
      long offsetBytes,
      int n,
      long[] chosen,
      MemorySegment out,
      long outOffsetBytes) {
    checkRange("chosen values", 0, n, (long) chosen.length * Long.SIZE);
    checkFloats("x", x, offsetBytes, n);
    checkFloats("out", out, outOffsetBytes, n);
  }

  /** That native memory, which is gone to by address, hasn't been freed. */
  public static void checkAlive(String what, MemorySegment segment) {
    if (!segment.isNative() || !segment.scope().isAlive()) {
      throw new IllegalArgumentException(
          what + " is " + (segment.isNative() ? "freed" : "on the heap") + ": not for kernels");
    }
  }

  public static void checkRange(String what, long from, long to, long limit) {
    if (from < 0 || to < from || to > limit) {
      throw new IllegalArgumentException(
          "%s [%d, %d): must lie in [0, %d)".formatted(what, from, to, limit));
    }
  }

  /**
   * That {@code count} floats stand in {@code segment} from {@code offsetBytes} on, in native
   * memory that nobody has freed.
   */
  public static void checkFloats(String what, MemorySegment segment, long offsetBytes, long count) {
    checkAlive(what, segment);
    if (count < 0
        || offsetBytes < 0
        || offsetBytes % Float.BYTES != 0
        || count > (segment.byteSize() - offsetBytes) / Float.BYTES) {
      throw new IllegalArgumentException(
          "%s has %d bytes: no room for %d floats at byte %d"
              .formatted(what, segment.byteSize(), count, offsetBytes));
    }
  }
}
