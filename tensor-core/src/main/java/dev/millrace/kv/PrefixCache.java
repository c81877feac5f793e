package dev.millrace.kv;

import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Objects;
import java.util.SequencedSet;
import org.jspecify.annotations.Nullable;

/**
 * The blocks of a pool, and which of the full ones can be shared: a full block never changes again,
 * so whoever has the same tokens in front and the same salt may hold it too. Owned by one thread.
 *
 * <p>The cache holds one reference of each shared block, tables hold the others. A block that only
 * the cache holds is idle: it counts as available, and the idle one that was used least recently
 * goes first. Tables let go of their blocks from the last to the first, and hold no block without
 * the one in front of it, so an idle block's successors are idle too and stand before it in that
 * order: children go before parents.
 */
public final class PrefixCache {

  /** A shared block: its tokens and what is in front of them. */
  public static final class Node {
    private final @Nullable Node parent; // null for the first block
    private final String salt;
    private final long hash;
    private final int[] tokens;
    private final int block;
    private int children;

    private Node(@Nullable Node parent, String salt, long hash, int[] tokens, int block) {
      this.parent = parent;
      this.salt = salt;
      this.hash = hash;
      this.tokens = tokens;
      this.block = block;
    }

    public int block() {
      return block;
    }

    private boolean is(@Nullable Node behind, String within, int[] of, int from) {
      return parent == behind
          && salt.equals(within)
          && Arrays.equals(tokens, 0, tokens.length, of, from, from + tokens.length);
    }
  }

  private final BlockAllocator allocator;
  private final int blockSize;
  private final Map<Long, Node> byHash = new HashMap<>();
  private final @Nullable Node[] byBlock;
  private final SequencedSet<Node> idle = new LinkedHashSet<>(); // least recently used first

  /**
   * @param blockSize positions in a block
   */
  public PrefixCache(int blocks, int blockSize) {
    this.allocator = new BlockAllocator(blocks);
    this.blockSize = blockSize;
    this.byBlock = new Node[blocks];
  }

  public int total() {
    return allocator.total();
  }

  /** Blocks that nobody holds. */
  public int free() {
    return allocator.free();
  }

  /** Blocks that {@link #allocate} can give, one after another. */
  public int available() {
    return allocator.free() + idle.size();
  }

  public int references(int block) {
    return allocator.references(block);
  }

  /** Whether the cache is one of the block's holders: then it is full, and never changes. */
  public boolean isShared(int block) {
    return byBlock[block] != null;
  }

  public boolean isIdle(Node node) {
    return idle.contains(node);
  }

  /**
   * A block that nobody else holds; its content is arbitrary. If none is free, the idle one that
   * was used least recently is given up.
   *
   * @throws IllegalStateException if none is available
   */
  public int allocate() {
    if (allocator.free() == 0 && !idle.isEmpty()) {
      evict(idle.getFirst());
    }
    return allocator.allocate();
  }

  private void evict(Node node) {
    if (node.children > 0) {
      throw new IllegalStateException("block " + node.block + " would go before its successors");
    }
    idle.remove(node);
    byHash.remove(node.hash, node);
    byBlock[node.block] = null;
    if (node.parent != null) {
      node.parent.children--;
    }
    allocator.release(node.block);
  }

  /**
   * The shared block of tokens [from, from + block size), or null if there is none.
   *
   * @param parent the block in front; null for the first one
   * @param hash its name
   */
  public @Nullable Node find(
      @Nullable Node parent, String salt, long hash, int[] tokens, int from) {
    Node node = byHash.get(hash);
    return node != null && node.is(parent, salt, tokens, from) ? node : null;
  }

  /** One more table holds a shared block. */
  public void retain(Node node) {
    idle.remove(node);
    allocator.retain(node.block);
  }

  /** A table lets go of a block. */
  public void release(int block) {
    allocator.release(block);
    Node node = byBlock[block];
    if (node != null && allocator.references(block) == 1) {
      idle.add(node);
    }
  }

  /**
   * Shares a full block, all computed, that one table holds. If there is an equal one already, the
   * table gets that one in its stead.
   *
   * @return the shared block, which the table holds now; null if another block has its name, and
   *     nothing was changed
   */
  public @Nullable Node share(
      @Nullable Node parent, String salt, long hash, int[] tokens, int from, int block) {
    Node there = byHash.get(hash);
    if (there == null) {
      int[] own = Arrays.copyOfRange(tokens, from, from + blockSize);
      Node node = new Node(parent, salt, hash, own, block);
      byHash.put(hash, node);
      byBlock[block] = node;
      allocator.retain(block);
      if (parent != null) {
        parent.children++;
      }
      return node;
    }
    if (!there.is(parent, salt, tokens, from)) {
      return null;
    }
    retain(there);
    release(block);
    return there;
  }

  /**
   * @param held how many tables hold each block
   * @throws IllegalStateException if references, the index or the order of eviction are wrong
   */
  public void check(int[] held) {
    int[] children = new int[held.length];
    int shared = 0;
    for (int block = 0; block < held.length; block++) {
      Node node = byBlock[block];
      int expected = held[block] + (node == null ? 0 : 1);
      require(allocator.references(block) == expected, block, "counts wrong references");
      require(node != null || held[block] <= 1, block, "is in two tables and not shared");
      if (node != null) {
        shared++;
        require(node.block == block && byHash.get(node.hash) == node, block, "is lost");
        require(idle.contains(node) == (held[block] == 0), block, "is idle and held, or neither");
        if (node.parent != null) {
          children[node.parent.block]++;
          require(byBlock[node.parent.block] == node.parent, block, "is behind one that is gone");
        }
      }
    }
    require(shared == byHash.size(), shared, "blocks are shared, the index has others");
    Map<Node, Integer> passed = new HashMap<>();
    for (Node node : idle) {
      require(node.children == children[node.block], node.block, "counts wrong successors");
      int before = Objects.requireNonNull(passed.getOrDefault(node, 0));
      require(before == node.children, node.block, "would go before its successors");
      if (node.parent != null) {
        passed.merge(node.parent, 1, Integer::sum);
      }
    }
  }

  private static void require(boolean holds, int block, String otherwise) {
    if (!holds) {
      throw new IllegalStateException("block " + block + " " + otherwise);
    }
  }
}
