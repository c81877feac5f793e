package dev.millrace.kv;

/**
 * Which blocks of a pool are free, and how many hold each of the others. Owned by one thread.
 *
 * <p>Invariant: a block is free if and only if its reference count is 0, and is then in the free
 * list once.
 */
public final class BlockAllocator {
  private final int[] references;
  private final int[] free;
  private int freeCount;

  public BlockAllocator(int blocks) {
    references = new int[blocks];
    free = new int[blocks];
    for (int i = 0; i < blocks; i++) {
      free[i] = blocks - 1 - i; // lowest first
    }
    freeCount = blocks;
  }

  public int total() {
    return references.length;
  }

  public int free() {
    return freeCount;
  }

  public int inUse() {
    return references.length - freeCount;
  }

  public int references(int block) {
    return references[block];
  }

  /**
   * A block with one reference.
   *
   * @throws IllegalStateException if none is free: ask {@link #free()} first
   */
  public int allocate() {
    if (freeCount == 0) {
      throw new IllegalStateException("no block is free");
    }
    int block = free[--freeCount];
    references[block] = 1;
    return block;
  }

  /** One more holder of a block that has one. */
  public void retain(int block) {
    if (references[block] == 0) {
      throw new IllegalStateException("block " + block + " is free");
    }
    references[block]++;
  }

  /** One holder fewer; the last one frees the block. */
  public void release(int block) {
    if (references[block] == 0) {
      throw new IllegalStateException("block " + block + " is free already");
    }
    if (--references[block] == 0) {
      free[freeCount++] = block;
    }
  }
}
