package dev.millrace.kv;

import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;

/**
 * The memory of all KV blocks, allocated once. Which blocks are whose is not known here: see {@link
 * BlockAllocator}.
 */
public final class KvPool implements AutoCloseable {
  private final Arena arena = Arena.ofShared();
  private final List<KvLayer> layers = new ArrayList<>();
  private final int blocks;
  private final int blockSize;

  /**
   * @param blockSize positions in a block: a multiple of 16
   */
  public KvPool(int layerCount, int kvHeads, int headDim, int blocks, int blockSize) {
    if (blockSize <= 0 || blockSize % 16 != 0) {
      throw new IllegalArgumentException("block size " + blockSize + ": must be a multiple of 16");
    }
    this.blocks = blocks;
    this.blockSize = blockSize;
    long bytes = (long) blocks * kvHeads * headDim * blockSize * Float.BYTES;
    for (int i = 0; i < layerCount; i++) {
      layers.add(
          new KvLayer(
              arena.allocate(bytes, 64), arena.allocate(bytes, 64), kvHeads, headDim, blockSize));
    }
  }

  /** Bytes that one block takes over all layers. */
  public static long bytesPerBlock(int layerCount, int kvHeads, int headDim, int blockSize) {
    return 2L * layerCount * kvHeads * headDim * blockSize * Float.BYTES;
  }

  public KvLayer layer(int index) {
    return layers.get(index);
  }

  public int blocks() {
    return blocks;
  }

  public int blockSize() {
    return blockSize;
  }

  @Override
  public void close() {
    arena.close();
  }
}
