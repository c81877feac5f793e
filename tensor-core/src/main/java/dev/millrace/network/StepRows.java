package dev.millrace.network;

/** Rows as the layers see them: each with its position and its sequence's blocks. Reused. */
class StepRows {
  private final int[] positions;
  private final int[] chunkOf; // each row's chunk
  private final int[][] blocks; // each row's block table, shared by the rows of a chunk
  private int rows;

  StepRows(int maxRows) {
    positions = new int[maxRows];
    chunkOf = new int[maxRows];
    blocks = new int[maxRows][];
  }

  /** Forgets all rows. */
  final void clear() {
    rows = 0;
  }

  final void append(int position, int chunk, int[] blocks) {
    positions[rows] = position;
    chunkOf[rows] = chunk;
    this.blocks[rows] = blocks;
    rows++;
  }

  /** One of another step's rows. */
  final void append(StepRows from, int row) {
    append(from.positions[row], from.chunkOf[row], from.blocks[row]);
  }

  final int rows() {
    return rows;
  }

  final int position(int row) {
    return positions[row];
  }

  /** Of all rows, for kernels. */
  final int[] positions() {
    return positions;
  }

  /** Positions that a row sees: all up to its own. */
  final int length(int row) {
    return positions[row] + 1;
  }

  /** Which chunk a row belongs to; a chunk's rows are consecutive positions of one sequence. */
  final int chunk(int row) {
    return chunkOf[row];
  }

  /** A row's block table. */
  final int[] blocks(int row) {
    return blocks[row];
  }
}
