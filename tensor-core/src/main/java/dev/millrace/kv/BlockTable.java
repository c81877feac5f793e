package dev.millrace.kv;

import java.util.Arrays;
import java.util.Objects;

/** A sequence's blocks, in order of position. Owned by the thread that owns the sequence. */
public final class BlockTable {
  private int[] blocks = new int[8];
  private int size;

  public int size() {
    return size;
  }

  public int block(int index) {
    return blocks[Objects.checkIndex(index, size)];
  }

  public void append(int block) {
    if (size == blocks.length) {
      blocks = Arrays.copyOf(blocks, size * 2);
    }
    blocks[size++] = block;
  }

  /** Puts another block, of equal content, in the place of one. */
  public void replace(int index, int block) {
    blocks[Objects.checkIndex(index, size)] = block;
  }

  /** Removes and returns the last block. */
  public int removeLast() {
    if (size == 0) {
      throw new IllegalStateException("the block table is empty");
    }
    return blocks[--size];
  }

  /** The blocks themselves, for kernels: at least size() entries, not to be kept or changed. */
  public int[] array() {
    return blocks;
  }
}
