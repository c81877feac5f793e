package dev.millrace.kv;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One layer's keys and values of all blocks. Keys are stored with positions innermost, so that
 * scores of 16 positions are one vector; values with features innermost.
 *
 * @param k [blocks][kvHeads][headDim][blockSize]
 * @param v [blocks][kvHeads][blockSize][headDim]
 * @param blockSize positions in a block: a multiple of 16
 */
public record KvLayer(
    MemorySegment k, MemorySegment v, int kvHeads, int headDim, int blockSize, KvType type) {

  /** Byte offset of feature 0 of slot 0 of a head's keys; features are blockSize numbers apart. */
  public long keyOffset(int block, int kvHead) {
    return ((long) block * kvHeads + kvHead) * headDim * blockSize * type.bytes();
  }

  /** Byte offset of a head's values at slot 0; slots are headDim numbers apart. */
  public long valueOffset(int block, int kvHead) {
    return ((long) block * kvHeads + kvHead) * blockSize * headDim * type.bytes();
  }

  /** Byte offset of one key. */
  public long keyOffset(int block, int kvHead, int slot, int feature) {
    return keyOffset(block, kvHead) + ((long) feature * blockSize + slot) * type.bytes();
  }

  /** Byte offset of one value. */
  public long valueOffset(int block, int kvHead, int slot, int feature) {
    return valueOffset(block, kvHead) + ((long) slot * headDim + feature) * type.bytes();
  }

  /** The number at a byte offset of {@code k} or {@code v}. */
  public float get(MemorySegment keysOrValues, long offset) {
    return switch (type) {
      case F32 -> keysOrValues.get(ValueLayout.JAVA_FLOAT, offset);
      case F16 -> Float.float16ToFloat(keysOrValues.get(ValueLayout.JAVA_SHORT, offset));
    };
  }

  /** Rounds a number into a byte offset of {@code k} or {@code v}. */
  public void set(MemorySegment keysOrValues, long offset, float value) {
    switch (type) {
      case F32 -> keysOrValues.set(ValueLayout.JAVA_FLOAT, offset, value);
      case F16 -> keysOrValues.set(ValueLayout.JAVA_SHORT, offset, Float.floatToFloat16(value));
    }
  }
}
