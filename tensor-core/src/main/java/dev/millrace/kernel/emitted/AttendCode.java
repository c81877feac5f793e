package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.ATTENTION_SEGMENT;
import static dev.millrace.kernel.Kernels.ATTENTION_TILE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.millrace.assembler.CodePages;
import dev.millrace.kernel.Kernels;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvType;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/** Attention for one shape of the cache: gathers queries, plans pieces, and has them computed. */
final class AttendCode {
  private static final int HALF_TILE = ATTENTION_TILE / 2;

  private static final MethodHandle CALL =
      CodePages.caller(FunctionDescriptor.ofVoid(JAVA_LONG, JAVA_LONG, JAVA_LONG, JAVA_LONG));

  private static final MemorySegment ZEROS =
      Arena.global()
          .allocate((long) AttendLayout.MAX_QUERIES * AttendLayout.MAX_HEAD_DIM * Float.BYTES);

  /** −∞ for each query. */
  private static final MemorySegment NO_MAXIMA =
      Arena.global().allocate((long) AttendLayout.MAX_QUERIES * Float.BYTES);

  static {
    for (int i = 0; i < AttendLayout.MAX_QUERIES; i++) {
      NO_MAXIMA.setAtIndex(JAVA_FLOAT, i, Float.NEGATIVE_INFINITY);
    }
  }

  private static final ThreadLocal<MemorySegment> WORK =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(AttendLayout.BYTES, 64));

  private final AttendLayout layout;
  private final int headDim;
  private final int blockSize;
  private final KvType type;
  private final MemorySegment function;

  AttendCode(int headDim, int blockSize, KvType type, Isa isa, Arena arena) {
    this.layout = new AttendLayout(headDim);
    this.headDim = headDim;
    this.blockSize = blockSize;
    this.type = type;
    function = CodePages.of(new AttendEmitter(isa, headDim, blockSize, type).emit(), arena).at(0);
  }

  /** Whether there can be code for a layer whose key-value heads so many query heads share. */
  static boolean isFor(KvLayer layer, int sharing) {
    return layer.headDim() % 16 == 0
        && layer.headDim() <= AttendLayout.MAX_HEAD_DIM
        && sharing <= AttendLayout.MAX_QUERIES;
  }

  boolean fits(KvLayer layer) {
    return headDim == layer.headDim() && blockSize == layer.blockSize() && type == layer.type();
  }

  /**
   * As {@link Kernels#attend}, for as many rows as fit: at most {@link AttendLayout#MAX_QUERIES}
   * queries.
   *
   * @param firstQuery byte offset of the first row's first query head that shares kvHead
   */
  void run(
      MemorySegment q,
      long firstQuery,
      long qRowBytes,
      int rows,
      int sharing,
      float scale,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int length,
      int segment,
      MemorySegment state,
      long firstState,
      long stateRowBytes) {
    MemorySegment work = WORK.get();
    work.set(JAVA_FLOAT, AttendLayout.SCALE, scale);
    gather(work, q, firstQuery, qRowBytes, rows, sharing);
    int pieces = plan(work, rows, sharing, layer, blocks, kvHead, length, segment);
    call(work.address(), work.address() + AttendLayout.PIECES, pieces);
    scatter(work, state, firstState, stateRowBytes, rows, sharing);
  }

  private void gather(
      MemorySegment work, MemorySegment q, long first, long rowBytes, int rows, int sharing) {
    long bytes = (long) sharing * layout.headBytes();
    for (int row = 0; row < rows; row++) {
      MemorySegment.copy(
          q, first + row * rowBytes, work, AttendLayout.QUERIES + row * bytes, bytes);
    }
    MemorySegment.copy(ZEROS, 0, work, layout.outputs(), rows * bytes);
    long floats = (long) rows * sharing * Float.BYTES;
    MemorySegment.copy(NO_MAXIMA, 0, work, AttendLayout.MAXIMA, floats);
    MemorySegment.copy(ZEROS, 0, work, AttendLayout.SUMS, floats);
  }

  private void scatter(
      MemorySegment work, MemorySegment state, long first, long rowBytes, int rows, int sharing) {
    long headBytes = layout.headBytes();
    long stateBytes = Kernels.attentionStateFloats(headDim) * 4L;
    for (int i = 0; i < rows * sharing; i++) {
      long to = first + i / sharing * rowBytes + i % sharing * stateBytes;
      MemorySegment.copy(work, layout.outputs() + i * headBytes, state, to, headBytes);
      MemorySegment.copy(work, AttendLayout.MAXIMA + i * 4L, state, to + headBytes, 4);
      MemorySegment.copy(work, AttendLayout.SUMS + i * 4L, state, to + headBytes + 4, 4);
    }
  }

  /**
   * Writes the pieces: each tile for all rows that see the whole of it, and for each row that sees
   * a part.
   */
  private int plan(
      MemorySegment work,
      int rows,
      int sharing,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int length,
      int segment) {
    int segmentEnd = (segment + 1) * ATTENTION_SEGMENT;
    int end = Math.min(length + rows - 1, segmentEnd);
    int pieces = 0;
    for (int tile = segment * ATTENTION_SEGMENT; tile < end; tile += ATTENTION_TILE) {
      int row = Math.max(0, tile + 1 - length); // the first that sees any of it
      for (; row < rows && length + row < tile + ATTENTION_TILE; row++) {
        piece(work, pieces++, layer, blocks, kvHead, tile, length + row - tile, row, 1, sharing);
      }
      if (row < rows) {
        int left = rows - row;
        piece(work, pieces++, layer, blocks, kvHead, tile, ATTENTION_TILE, row, left, sharing);
      }
    }
    long last = AttendLayout.PIECES + (pieces - 1L) * AttendLayout.PIECE_BYTES;
    long next = last + AttendLayout.PIECE_BYTES; // to be fetched after the last: nothing new
    MemorySegment.copy(work, last, work, next, AttendLayout.PIECE_BYTES);
    return pieces;
  }

  private void piece(
      MemorySegment work,
      int index,
      KvLayer layer,
      int[] blocks,
      int kvHead,
      int tile,
      int seen,
      int row,
      int rows,
      int sharing) {
    int block = blocks[tile / blockSize];
    int slot = tile % blockSize;
    int next = seen > HALF_TILE ? tile + HALF_TILE : tile; // else not there, and not looked at
    int nextBlock = blocks[next / blockSize];
    int nextSlot = next % blockSize;
    long keys = layer.k().address();
    long values = layer.v().address();
    long at = AttendLayout.PIECES + (long) index * AttendLayout.PIECE_BYTES;
    work.set(JAVA_LONG, at + AttendLayout.KEYS_0, keys + layer.keyOffset(block, kvHead, slot, 0));
    work.set(
        JAVA_LONG,
        at + AttendLayout.KEYS_1,
        keys + layer.keyOffset(nextBlock, kvHead, nextSlot, 0));
    work.set(
        JAVA_LONG, at + AttendLayout.VALUES_0, values + layer.valueOffset(block, kvHead, slot, 0));
    work.set(
        JAVA_LONG,
        at + AttendLayout.VALUES_1,
        values + layer.valueOffset(nextBlock, kvHead, nextSlot, 0));
    work.set(JAVA_LONG, at + AttendLayout.FIRST, (long) row * sharing);
    work.set(JAVA_LONG, at + AttendLayout.COUNT, (long) rows * sharing);
    work.set(JAVA_LONG, at + AttendLayout.SEEN, (long) seen);
  }

  private void call(long work, long pieces, long count) {
    try {
      CALL.invokeExact(function, work, pieces, count, StepConstants.ADDRESS);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("emitted code throws nothing", e);
    }
  }
}
