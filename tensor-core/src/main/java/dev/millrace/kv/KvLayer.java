package dev.millrace.kv;

import java.lang.foreign.MemorySegment;

/**
 * One layer's keys and values of all blocks, float32. Keys are stored with positions innermost, so
 * that scores of 16 positions are one vector; values with features innermost.
 *
 * @param k [blocks][kvHeads][headDim][blockSize]
 * @param v [blocks][kvHeads][blockSize][headDim]
 * @param blockSize positions in a block: a multiple of 16
 */
public record KvLayer(MemorySegment k, MemorySegment v, int kvHeads, int headDim, int blockSize) {

  /** Byte offset of feature 0 of slot 0 of a head's keys; features are blockSize floats apart. */
  public long keyOffset(int block, int kvHead) {
    return ((long) block * kvHeads + kvHead) * headDim * blockSize * Float.BYTES;
  }

  /** Byte offset of a head's values at slot 0; slots are headDim floats apart. */
  public long valueOffset(int block, int kvHead) {
    return ((long) block * kvHeads + kvHead) * blockSize * headDim * Float.BYTES;
  }
}
