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

/** A ragged step as the layers see it: rows, each with its token, position and blocks. Reused. */
final class Step {
  private final StepLimits limits;
  private final int vocabulary;
  private final int[] tokens;
  private final int[] positions;
  private final int[] chunkOf; // each row's chunk
  private final int[][] blocks; // each row's block table, shared by the rows of a chunk
  private final int[] logitRows; // the rows that want logits, ascending
  private int rows;
  private int logitRowCount;

  // For finding two chunks that write into one block: chunks are numbered since the start.
  private long chunkNumber;
  private long[] writer = {}; // [pool's blocks]: the last chunk that wrote there

  Step(NetworkConfig config, StepLimits limits) {
    this.limits = limits;
    vocabulary = config.vocabulary();
    tokens = new int[limits.maxTokens()];
    positions = new int[limits.maxTokens()];
    chunkOf = new int[limits.maxTokens()];
    blocks = new int[limits.maxTokens()][];
    logitRows = new int[limits.maxLogitRows()];
  }

  /**
   * Takes the chunks' rows.
   *
   * @throws IllegalArgumentException naming the chunk and what is wrong with it
   */
  void take(List<Chunk> chunks, KvPool pool) {
    rows = 0;
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
        tokens[rows] = token;
        positions[rows] = chunk.position() + j;
        chunkOf[rows] = i;
        blocks[rows] = chunk.blocks().array();
        if (j >= chunk.count() - chunk.logitRows()) {
          logitRows[logitRowCount++] = rows;
        }
        rows++;
      }
    }
  }

  private void checkCounts(int index, Chunk chunk) {
    int room = limits.maxTokens() - rows;
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

  int rows() {
    return rows;
  }

  int logitRows() {
    return logitRowCount;
  }

  int token(int row) {
    return tokens[row];
  }

  int position(int row) {
    return positions[row];
  }

  /** Of all rows, for kernels. */
  int[] positions() {
    return positions;
  }

  /** Positions that a row sees: all up to its own. */
  int length(int row) {
    return positions[row] + 1;
  }

  /** Which chunk a row belongs to; a chunk's rows are consecutive positions of one sequence. */
  int chunk(int row) {
    return chunkOf[row];
  }

  /** A row's block table. */
  int[] blocks(int row) {
    return blocks[row];
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
