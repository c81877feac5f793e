package dev.millrace.tensor;

import java.util.Arrays;
import java.util.Optional;

/**
 * How numbers are stored in a model file. Quantized types store blocks of {@link #blockSize}
 * values; the byte layouts are those of GGUF (ggml's block_q4_0, block_q4_K, ...).
 */
public enum ElementType {
  F32(0, 1, 4, 32, 0, false),
  F16(1, 1, 2, 16, 0, false),
  BF16(30, 1, 2, 16, 0, false),
  /** fp16 scale, 16 bytes of nibbles (low nibbles first, then high); value = d·(q − 8). */
  Q4_0(2, 32, 18, 4, 8, false),
  /** fp16 scale, fp16 minimum, 16 bytes of nibbles; value = d·q + m. */
  Q4_1(3, 32, 20, 4, 0, true),
  /** fp16 scale, 32 fifth bits, 16 bytes of nibbles; value = d·(q − 16). */
  Q5_0(6, 32, 22, 5, 16, false),
  /** fp16 scale, fp16 minimum, 32 fifth bits, 16 bytes of nibbles; value = d·q + m. */
  Q5_1(7, 32, 24, 5, 0, true),
  /** fp16 scale, 32 signed bytes; value = d·q. */
  Q8_0(8, 32, 34, 8, 0, false),
  /**
   * fp16 d and dmin, 8 pairs of 6-bit sub-scale and sub-minimum in 12 bytes, 128 bytes of nibbles;
   * value = d·s·q − dmin·m, with s and m for each 32 columns.
   */
  Q4_K(12, 256, 144, 4, 0, true),
  /** As Q4_K, with 256 fifth bits before the nibbles. */
  Q5_K(13, 256, 176, 5, 0, true),
  /**
   * 128 bytes of nibbles, 64 bytes of bits 4 and 5, 16 signed sub-scales, fp16 d; value = d·s·(q −
   * 32), with s for each 16 columns.
   */
  Q6_K(14, 256, 210, 6, 32, false);

  private final int ggufId;
  private final int blockSize;
  private final int blockBytes;
  private final int bits;
  private final int zeroPoint;
  private final boolean hasMinimum;

  ElementType(
      int ggufId, int blockSize, int blockBytes, int bits, int zeroPoint, boolean hasMinimum) {
    this.ggufId = ggufId;
    this.blockSize = blockSize;
    this.blockBytes = blockBytes;
    this.bits = bits;
    this.zeroPoint = zeroPoint;
    this.hasMinimum = hasMinimum;
  }

  /** The number that GGUF files use for this type. */
  public int ggufId() {
    return ggufId;
  }

  /** The type that GGUF files give this number; empty if it is none of ours. */
  public static Optional<ElementType> ofGgufId(int id) {
    return Arrays.stream(values()).filter(type -> type.ggufId == id).findFirst();
  }

  /** Values in a block; 1 for plain types. */
  public int blockSize() {
    return blockSize;
  }

  /** Bytes in a block. */
  public int blockBytes() {
    return blockBytes;
  }

  /** Of one stored number, without what its block shares. */
  public int bits() {
    return bits;
  }

  /** What stored numbers are too high by. */
  public int zeroPoint() {
    return zeroPoint;
  }

  /** Whether a minimum is added to each value. */
  public boolean hasMinimum() {
    return hasMinimum;
  }

  /** Columns of quantized weights that share a scale. */
  public int scaleGroup() {
    return this == Q6_K ? 16 : 32;
  }

  /** Whether a block's scale and minimum are multiplied by those of its parts. */
  public boolean hasSubScales() {
    return blockSize > 32;
  }

  /** Byte of a quantized block's fp16 scale; an fp16 minimum follows where there is one. */
  public int scaleOffset() {
    return this == Q6_K ? 208 : 0;
  }

  /** Whether values are stored in blocks with scales of their own. */
  public boolean isQuantized() {
    return blockSize > 1;
  }

  /**
   * Bytes of {@code count} values.
   *
   * @throws IllegalArgumentException if count isn't a multiple of the block size
   * @throws ArithmeticException if the size doesn't fit a long
   */
  public long bytes(long count) {
    if (count % blockSize != 0) {
      throw new IllegalArgumentException(
          count + " values aren't whole blocks of " + blockSize + " (" + this + ")");
    }
    return Math.multiplyExact(count / blockSize, (long) blockBytes);
  }
}
