package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.Kernels.ROW_GROUP;

import dev.millrace.tensor.ElementType;

/**
 * Where numbers are in weights packed for emitted kernels: groups of 16 rows, one after the other;
 * in each, blocks of 32 columns (single columns for plain types). A block of quantized weights:
 *
 * <pre>
 *   quads    Q4: [4][16 rows][4 columns] bytes; low nibbles are columns 4j .. 4j+3, high ones 16 columns further on
 *            Q8: [8][16 rows][4 columns] bytes, with sign
 *   scales   [16 rows] fp16
 *   minimums [16 rows] fp16, Q4_1 only
 * </pre>
 *
 * <p>A column of plain weights: [16 rows] in the file's type. Rows past the end are zeros.
 */
record PackedLayout(ElementType type, int columns) {
  /** Columns whose products one instruction adds up: bytes in a 32-bit lane. */
  static final int QUAD = 4;

  static final int QUAD_BYTES = ROW_GROUP * QUAD;

  /** 32-bit lanes of all rows that a block's quads fill: 4 for nibbles, 8 for bytes. */
  int quadVectors() {
    return type == ElementType.Q8_0 ? QUANTIZATION_BLOCK / QUAD : QUANTIZATION_BLOCK / QUAD / 2;
  }

  int scalesOffset() {
    return quadVectors() * QUAD_BYTES;
  }

  int minimumsOffset() {
    return scalesOffset() + ROW_GROUP * Short.BYTES;
  }

  boolean hasMinimums() {
    return type.hasMinimum();
  }

  /** Blocks (or single columns) in a group. */
  int blocks() {
    return columns / type.blockSize();
  }

  int blockBytes() {
    return switch (type) {
      case F32 -> ROW_GROUP * Float.BYTES;
      case F16, BF16 -> ROW_GROUP * Short.BYTES;
      case Q4_0, Q8_0 -> minimumsOffset();
      case Q4_1 -> minimumsOffset() + ROW_GROUP * Short.BYTES;
    };
  }

  long groupBytes() {
    return (long) blocks() * blockBytes();
  }

  /** Byte of an element's quad, within its block; a nibble of it for 4-bit types. */
  int quadByte(int lane, int column) {
    int half = QUANTIZATION_BLOCK / 2;
    int quad = (type == ElementType.Q8_0 ? column : column % half) / QUAD;
    return quad * QUAD_BYTES + lane * QUAD + column % QUAD;
  }
}
