package dev.millrace.kv;

import dev.millrace.memory.HugePageArena;
import dev.millrace.memory.MachineMemory;
import dev.millrace.memory.Prefault;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The memory of all KV blocks, allocated once. Which blocks are whose is not known here: see {@link
 * BlockAllocator}.
 */
public final class KvPool implements AutoCloseable {
  private final Arena arena = HugePageArena.open();
  private final List<KvLayer> layers = new ArrayList<>();
  private final int kvHeads;
  private final int headDim;
  private final int blocks;
  private final int blockSize;
  private @Nullable Prefault prefault;

  /** A pool of float32. */
  public KvPool(int layerCount, int kvHeads, int headDim, int blocks, int blockSize) {
    this(layerCount, kvHeads, headDim, blocks, blockSize, KvType.F32);
  }

  /**
   * @param blockSize positions in a block: a multiple of 16
   * @throws IllegalArgumentException if a size is out of range, or the machine hasn't the memory
   */
  public KvPool(int layerCount, int kvHeads, int headDim, int blocks, int blockSize, KvType type) {
    if (layerCount <= 0 || kvHeads <= 0 || headDim <= 0 || blocks <= 0) {
      throw new IllegalArgumentException(
          "KV pool of %d layers, %d heads, %d features, %d blocks: all must be positive"
              .formatted(layerCount, kvHeads, headDim, blocks));
    }
    if (blockSize <= 0 || blockSize % 16 != 0) {
      throw new IllegalArgumentException("block size " + blockSize + ": must be a multiple of 16");
    }
    this.kvHeads = kvHeads;
    this.headDim = headDim;
    this.blocks = blocks;
    this.blockSize = blockSize;
    long perBlock = bytesPerBlock(layerCount, kvHeads, headDim, blockSize, type);
    long available = MachineMemory.bytes();
    if (perBlock > available / blocks) {
      throw tooLarge(perBlock, "this machine has " + (available >> 20) + " MiB in all", null);
    }
    long bytes = perBlock * blocks / layerCount / 2;
    try {
      for (int i = 0; i < layerCount; i++) {
        layers.add(
            new KvLayer(
                arena.allocate(bytes, 64),
                arena.allocate(bytes, 64),
                kvHeads,
                headDim,
                blockSize,
                type));
      }
    } catch (OutOfMemoryError e) {
      arena.close();
      throw tooLarge(perBlock, "the system doesn't give as much", e);
    }
  }

  private IllegalArgumentException tooLarge(long perBlock, String why, @Nullable Throwable cause) {
    return new IllegalArgumentException(
        "KV pool of %d blocks of %d positions, %d KiB each: %s"
            .formatted(blocks, blockSize, perBlock >> 10, why),
        cause);
  }

  /** Bytes that one block takes over all layers. */
  public static long bytesPerBlock(
      int layerCount, int kvHeads, int headDim, int blockSize, KvType type) {
    long numbers = Math.multiplyExact((long) kvHeads * headDim, (long) layerCount * blockSize);
    return Math.multiplyExact(numbers, 2L * type.bytes());
  }

  /**
   * @throws IllegalArgumentException if the pool wasn't made for such a network
   */
  public void requireShape(int layerCount, int kvHeads, int headDim) {
    if (layers.size() != layerCount || this.kvHeads != kvHeads || this.headDim != headDim) {
      throw new IllegalArgumentException(
          "KV pool of %d layers, %d heads, %d features; the network has %d, %d, %d"
              .formatted(layers.size(), this.kvHeads, this.headDim, layerCount, kvHeads, headDim));
    }
  }

  /** Copies one block's keys and values, of all layers, to another. */
  public void copyBlock(int from, int to) {
    Objects.checkIndex(from, blocks);
    Objects.checkIndex(to, blocks);
    for (KvLayer layer : layers) {
      copyBlock(layer.k(), from, to);
      copyBlock(layer.v(), from, to);
    }
  }

  private void copyBlock(MemorySegment all, int from, int to) {
    long bytes = all.byteSize() / blocks;
    MemorySegment.copy(all, from * bytes, all, to * bytes, bytes);
  }

  /**
   * Has the memory made resident in the background, low blocks first, so that no step waits for it.
   */
  public void prefault() {
    if (prefault == null) {
      prefault =
          Prefault.start(
              layers.stream().flatMap(layer -> Stream.of(layer.k(), layer.v())).toList());
    }
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
    if (prefault != null) {
      prefault.close();
    }
    arena.close();
  }
}
