package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.ATTENTION_TILE;

/**
 * The memory in which {@link AttendCode}'s functions work, at byte offsets from its start: what a
 * thread gathers for a call, and what comes of it.
 *
 * @param headDim features of a head
 */
record AttendLayout(int headDim) {
  /** Queries of one call: rows × query heads that share a key-value head. */
  static final int MAX_QUERIES = 64;

  /** Features: a multiple of 16, so that they are whole vectors. */
  static final int MAX_HEAD_DIM = 256;

  // A piece of work: a tile of positions for some queries that all see as many of them.
  static final int KEYS_0 = 0; // address of feature 0 of positions 0 to 15 of the tile
  static final int KEYS_1 = 8; // of positions 16 to 31
  static final int VALUES_0 = 16; // address of position 0's values
  static final int VALUES_1 = 24; // of position 16's
  static final int FIRST = 32; // query
  static final int COUNT = 40; // of queries
  static final int SEEN = 48; // positions: 1 to 32
  static final int PIECE_BYTES = 64;

  /** A segment's tiles, and another piece for each query at worst; then one to prefetch. */
  private static final int MAX_PIECES = 16 + MAX_QUERIES + 1;

  static final int SCALE = 0; // float
  static final int MAXIMA = 64; // m [queries]
  static final int SUMS = MAXIMA + MAX_QUERIES * Float.BYTES; // l [queries]
  static final int SHRINKS = SUMS + MAX_QUERIES * Float.BYTES; // exp(m − M) [queries], and a vector
  static final int SCORES = SHRINKS + (MAX_QUERIES + 16) * Float.BYTES; // [queries][32]
  static final int SCORE_BYTES = ATTENTION_TILE * Float.BYTES;
  static final int PIECES = SCORES + MAX_QUERIES * SCORE_BYTES;
  static final int QUERIES = PIECES + MAX_PIECES * PIECE_BYTES; // q [queries][headDim]

  static final int BYTES = QUERIES + 2 * MAX_QUERIES * MAX_HEAD_DIM * Float.BYTES;

  int headBytes() {
    return headDim * Float.BYTES;
  }

  /** o [queries][headDim]. */
  int outputs() {
    return QUERIES + MAX_QUERIES * headBytes();
  }
}
