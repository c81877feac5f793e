package dev.millrace.network;

import dev.millrace.kv.BlockTable;
import dev.millrace.kv.KvPool;
import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/** A ragged step: the rows of its chunks, with their tokens, and which of them want logits. */
final class Step extends StepRows {
  private final StepLimits limits;
  private final int vocabulary;
  private final int[] tokens;
  private final int[] logitRows; // the rows that want logits, ascending
  private final StepRows wanted; // the same, as rows of their own
  private int logitRowCount;

  // For finding two chunks that write into one block: chunks are numbered since the start.
  private long chunkNumber;
  private long[] writer = {}; // [pool's blocks]: the last chunk that wrote there

  Step(NetworkConfig config, StepLimits limits) {
    super(limits.maxTokens());
    this.limits = limits;
    vocabulary = config.vocabulary();
    tokens = new int[limits.maxTokens()];
    logitRows = new int[limits.maxLogitRows()];
    wanted = new StepRows(limits.maxLogitRows());
  }

  /**
   * Takes the chunks' rows.
   *
   * @throws IllegalArgumentException naming the chunk and what is wrong with it
   */
  void take(List<Chunk> chunks, KvPool pool) {
    clear();
    wanted.clear();
    logitRowCount = 0;
    if (chunks.isEmpty()) {
      throw new IllegalArgumentException("a step needs at least one chunk");
    }
    if (writer.length < pool.blocks()) {
      writer = Arrays.copyOf(writer, pool.blocks());
    }
    long firstChunkNumber = chunkNumber + 1;
    for (int i = 0; i < chunks.size(); i++) {
      Chunk chunk = chunks.get(i);
      chunkNumber++;
      checkCounts(i, chunk);
      checkBlocks(i, chunk, pool, firstChunkNumber);
      for (int j = 0; j < chunk.count(); j++) {
        int token = chunk.tokens()[chunk.from() + j];
        check(token >= 0 && token < vocabulary, i, "token", token, "0 to ", vocabulary - 1);
        int row = rows();
        tokens[row] = token;
        append(chunk.position() + j, i, chunk.blocks().array());
        if (j >= chunk.count() - chunk.logitRows()) {
          logitRows[logitRowCount++] = row;
          wanted.append(this, row);
        }
      }
    }
  }

  private void checkCounts(int index, Chunk chunk) {
    int room = limits.maxTokens() - rows();
    check(
        chunk.count() >= 1 && chunk.count() <= room, index, "count", chunk.count(), "1 to ", room);
    int last = chunk.tokens().length - chunk.count();
    check(chunk.from() >= 0 && chunk.from() <= last, index, "from", chunk.from(), "0 to ", last);
    int lastPosition = limits.maxContext() - chunk.count();
    check(
        chunk.position() >= 0 && chunk.position() <= lastPosition,
        index,
        "position",
        chunk.position(),
        "0 to ",
        lastPosition);
    int logitRoom = Math.min(chunk.count(), limits.maxLogitRows() - logitRowCount);
    check(
        chunk.logitRows() >= 0 && chunk.logitRows() <= logitRoom,
        index,
        "logitRows",
        chunk.logitRows(),
        "0 to ",
        logitRoom);
  }

  private void checkBlocks(int index, Chunk chunk, KvPool pool, long firstChunkNumber) {
    BlockTable table = chunk.blocks();
    int end = chunk.position() + chunk.count();
    int needed = Math.ceilDiv(end, pool.blockSize());
    check(table.size() >= needed, index, "blocks", table.size(), "at least ", needed);
    for (int i = 0; i < needed; i++) {
      int block = table.block(i);
      check(block >= 0 && block < pool.blocks(), index, "block", block, "0 to ", pool.blocks() - 1);
      if (i >= chunk.position() / pool.blockSize()) {
        if (writer[block] >= firstChunkNumber) {
          throw new IllegalArgumentException(
              "chunk " + index + ": block " + block + " is written twice in this step");
        }
        writer[block] = chunkNumber;
      }
    }
  }

  private static void check(
      boolean fine, int chunk, String what, int value, String allowed, int limit) {
    if (!fine) {
      throw new IllegalArgumentException(
          "chunk " + chunk + ": " + what + " is " + value + ", allowed: " + allowed + limit);
    }
  }

  int logitRows() {
    return logitRowCount;
  }

  int token(int row) {
    return tokens[row];
  }

  /** The rows that want logits. */
  StepRows wanted() {
    return wanted;
  }

  /** Copies what the rows that want logits carry. */
  void gather(Carried<Tokens> from, Carried<LogitRows> to) {
    gather(from.x(), to.x());
    gather(from.q(), to.q());
  }

  /** Copies the rows that want logits; returns them. */
  <C extends Dim> Matrix<LogitRows, C> gather(Matrix<Tokens, C> from, Matrix<LogitRows, C> to) {
    long rowBytes = (long) from.columns() * Float.BYTES;
    for (int i = 0; i < logitRowCount; i++) {
      MemorySegment.copy(from.data(), logitRows[i] * rowBytes, to.data(), i * rowBytes, rowBytes);
    }
    return to;
  }
}
