package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;

import dev.millrace.tensor.ElementType;

/**
 * Where numbers are in weights packed for emitted kernels: groups of 16 rows, one after the other
 * (with AVX-512, of 32 where one takes two bytes a column); in each, blocks of 32 columns (single
 * columns for plain types). A block of quantized weights:
 *
 * <pre>
 *   quads    [4][16 rows][4 columns] bytes; low nibbles are columns 4j .. 4j+3, high ones 16 columns further on
 *            Q8_0: [8][16 rows][4 columns] bytes with sign
 *   high     5-bit types: [16 rows][4] bytes; bit j of byte c is the fifth bit of column 4j + c
 *            6-bit types: [2][16 rows][4] bytes; bits 2i and 2i+1 of byte c of the j-th are bits 4 and 5
 *            of column 16j + 4i + c
 *   scales   [16 rows] fp16; [16 rows] bytes, for each scaleGroup of columns, in types with sub-scales
 *   minimums [16 rows] of the same, in types with minima
 * </pre>
 *
 * <p>In types with sub-scales the blocks that make one of the file's have a header before the
 * first: [16 rows] fp16 d, then, with minima, [16 rows] fp16 −dmin.
 *
 * <p>A column of plain weights: [16 or 32 rows] in the file's type. Rows past the end are zeros.
 */
record PackedLayout(ElementType type, int columns, Isa isa) {
  /** Columns whose products one instruction adds up: bytes in a 32-bit lane. */
  static final int QUAD = 4;

  /** Rows of a group, mostly: 32-bit lanes of the widest vectors. */
  private static final int LANES = 16;

  static final int QUAD_BYTES = LANES * QUAD;

  /** Rows of a group of 16-bit weights, where there are registers. */
  private static final int WIDE_LANES = 32;

  private static final int NIBBLE = 4;

  /** Of all rows' fp16. */
  private static final int HALVES_BYTES = LANES * Short.BYTES;

  /**
   * Rows of a group, of which {@code Kernels.ROW_GROUP} is a multiple. Of plain weights whole cache
   * lines a column, where that goes: a sum waits four cycles for its last product, in which as much
   * is read as memory gives.
   */
  int groupRows() {
    boolean halves = !type.isQuantized() && type.blockBytes() == Short.BYTES;
    return halves && isa == Isa.AVX512 ? WIDE_LANES : LANES;
  }

  /** Whether columns 16 further on share a byte, in high nibbles. */
  boolean hasNibbles() {
    return type.bits() < Byte.SIZE;
  }

  /** Bits above a nibble: 0, 1 or 2. */
  int highBits() {
    return hasNibbles() ? type.bits() - NIBBLE : 0;
  }

  /** 32-bit lanes of all rows that a block's quads fill: 4 for nibbles, 8 for bytes. */
  int quadVectors() {
    return QUANTIZATION_BLOCK / QUAD / (hasNibbles() ? 2 : 1);
  }

  int highOffset() {
    return quadVectors() * QUAD_BYTES;
  }

  /** Scales in a block. */
  int scaleGroups() {
    return QUANTIZATION_BLOCK / type.scaleGroup();
  }

  int scalesOffset() {
    return highOffset() + highBits() * QUAD_BYTES;
  }

  int minimumsOffset() {
    return scalesOffset() + (type.hasSubScales() ? scaleGroups() * LANES : HALVES_BYTES);
  }

  /** Bytes of a block, or of a plain column. */
  int blockBytes() {
    if (!type.isQuantized()) {
      return groupRows() * type.blockBytes();
    }
    int minimums = type.hasSubScales() ? LANES : HALVES_BYTES;
    return minimumsOffset() + (type.hasMinimum() ? minimums : 0);
  }

  /** Blocks (or single columns) in a group. */
  int blocks() {
    return type.isQuantized() ? columns / QUANTIZATION_BLOCK : columns;
  }

  /** Blocks that share a header. */
  int blocksOfHeader() {
    return type.hasSubScales() ? type.blockSize() / QUANTIZATION_BLOCK : 1;
  }

  int headerBytes() {
    int halves = type.hasMinimum() ? 2 : 1;
    return type.hasSubScales() ? halves * HALVES_BYTES : 0;
  }

  /** From all rows' fp16 scales to their minima, in a header or without one. */
  int headerMinimumsOffset() {
    return HALVES_BYTES;
  }

  long groupBytes() {
    return (long) blocks() / blocksOfHeader() * headedBytes();
  }

  private long headedBytes() {
    return headerBytes() + (long) blocksOfHeader() * blockBytes();
  }

  /** Byte of a block's header, within its group. */
  long header(int block) {
    return block / blocksOfHeader() * headedBytes();
  }

  /** Byte of a block, within its group. */
  long block(int block) {
    return header(block) + headerBytes() + (long) (block % blocksOfHeader()) * blockBytes();
  }

  /** Byte of an element's quad, within its block; a nibble of it where there are nibbles. */
  int quadByte(int lane, int column) {
    int quad = (hasNibbles() ? column % (QUANTIZATION_BLOCK / 2) : column) / QUAD;
    return quad * QUAD_BYTES + lane * QUAD + column % QUAD;
  }

  /** Which nibble: 0 or 4 bits up. */
  int nibbleShift(int column) {
    return hasNibbles() && column >= QUANTIZATION_BLOCK / 2 ? NIBBLE : 0;
  }

  /** Byte of an element's high bits, within its block. */
  int highByte(int lane, int column) {
    int columnsOfVector = QUANTIZATION_BLOCK / highBits();
    return highOffset() + column / columnsOfVector * QUAD_BYTES + lane * QUAD + column % QUAD;
  }

  /** How far up in their byte an element's high bits are. */
  int highShift(int column) {
    int columnsOfVector = QUANTIZATION_BLOCK / highBits();
    return column % columnsOfVector / QUAD * highBits();
  }

  /** Byte of a row's scale, within its block. */
  int scale(int lane, int group) {
    return scalesOffset() + (type.hasSubScales() ? group * LANES + lane : lane * Short.BYTES);
  }

  /** Byte of a row's minimum, within its block. */
  int minimum(int lane) {
    return minimumsOffset() + (type.hasSubScales() ? lane : lane * Short.BYTES);
  }
}
