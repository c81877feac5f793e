package dev.millrace.engine;

import dev.millrace.engine.StepPlan.Copy;
import dev.millrace.kv.BlockTable;
import dev.millrace.kv.PrefixCache;
import dev.millrace.kv.PrefixCache.Node;
import dev.millrace.kv.PrefixHash;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Who holds which block of the pool: sequences' tables, what sessions have left, and the prefix
 * cache behind both.
 *
 * <p>A block that is still written to is in one table and not in the cache. So a sequence that goes
 * on from within a block of another one gets a copy of it.
 */
final class Blocks {
  private final int blockSize;
  private final PrefixHash hash;
  private final PrefixCache cache;
  private final Sessions sessions = new Sessions();
  private final BitSet seen = new BitSet(); // by a count
  private List<Copy> copies = new ArrayList<>(); // to be made by the next step

  Blocks(EngineSettings settings, PrefixHash hash) {
    this.blockSize = settings.blockSize();
    this.hash = hash;
    this.cache = new PrefixCache(settings.kvBlocks(), blockSize);
  }

  /** Blocks that can be had at once: free ones, and those that only the cache holds. */
  int available() {
    return cache.available();
  }

  int blocksFor(int tokens) {
    return Math.ceilDiv(tokens, blockSize);
  }

  int blockSize() {
    return blockSize;
  }

  /** Whether a block is in the prefix cache: then it never changes. */
  boolean isShared(int block) {
    return cache.isShared(block);
  }

  long name(Sequence sequence, int block) {
    return sequence.blockName(block, hash, blockSize);
  }

  /**
   * How many blocks a sequence takes from those available when it is started: for all its known
   * tokens, less what it finds shared and in use.
   */
  int neededToStart(Sequence sequence) {
    int needed = blocksFor(sequence.length());
    Node node = null;
    for (int i = 0; i < shareable(sequence); i++) {
      node = find(sequence, i, node);
      if (node == null) {
        break;
      }
      if (!cache.isIdle(node)) {
        needed--;
      }
    }
    return needed;
  }

  /** Known tokens of a sequence without blocks that aren't found shared. */
  int uncached(Sequence sequence) {
    int found = 0;
    Node node = null;
    while (found < shareable(sequence)) {
      node = find(sequence, found, node);
      if (node == null) {
        break;
      }
      found++;
    }
    return sequence.length() - found * blockSize;
  }

  /**
   * Full blocks that it may find: the last known token's logits are always needed, and where all of
   * a prompt's are, none may be found.
   */
  private int shareable(Sequence sequence) {
    return sequence.promptTokens().wantScores() ? 0 : (sequence.length() - 1) / blockSize;
  }

  private @Nullable Node find(Sequence sequence, int index, @Nullable Node parent) {
    return cache.find(
        parent, sequence.salt(), name(sequence, index), sequence.tokens(), index * blockSize);
  }

  /**
   * Fills an empty table with what is there already: shared blocks, then what a session, another
   * candidate or the sequence that it waited for has of the next block.
   *
   * @return positions that need no computing
   */
  int adopt(Sequence sequence) {
    if (sequence.promptTokens().wantScores()) {
      return 0;
    }
    for (int i = 0; i < shareable(sequence); i++) {
      Node node = find(sequence, i, sequence.lastShared());
      if (node == null) {
        break;
      }
      cache.retain(node);
      sequence.blocks().append(node.block());
      sequence.sharesOneMore(node);
    }
    int computed = sequence.shared() * blockSize;
    Optional<Long> session = sequence.request().scheduling().session();
    Sequence left = sequence.candidate() == 0 ? sessions.take(session) : null;
    if (left != null) {
      int common = inNextBlock(sequence, left);
      if (common > computed) {
        computed = common;
        takeOverOrCopy(sequence, left);
      }
      release(left);
    }
    for (Sequence donor : donors(sequence)) {
      boolean open = sequence.blocks().size() == sequence.shared() && cache.available() > 0;
      int common = donor == sequence || !open ? 0 : inNextBlock(sequence, donor);
      if (common > computed) {
        computed = common;
        copy(sequence, donor);
      }
    }
    return computed;
  }

  /** Whoever may have a part of its next block: the one that it waited for, other candidates. */
  private static List<Sequence> donors(Sequence sequence) {
    Following.Bond bond = sequence.bond();
    List<Sequence> siblings = sequence.generation().candidates();
    if (bond == null) {
      return siblings;
    }
    List<Sequence> donors = new ArrayList<>(siblings);
    donors.add(bond.leader());
    return donors;
  }

  /** How many positions are known for a sequence if it gets the donor's next block. */
  private int inNextBlock(Sequence sequence, Sequence donor) {
    int common = Math.min(sequence.commonPrefix(donor), donor.computed());
    int wanted = Math.min(sequence.length() - 1, (sequence.shared() + 1) * blockSize);
    boolean holds = donor.blocks().size() > sequence.shared() && sameSalt(sequence, donor);
    return holds ? Math.min(common, wanted) : 0;
  }

  private static boolean sameSalt(Sequence a, Sequence b) {
    return a.salt().equals(b.salt());
  }

  private void takeOverOrCopy(Sequence sequence, Sequence left) {
    int index = sequence.shared();
    if (cache.isShared(left.blocks().block(index)) && cache.available() > 0) {
      copy(sequence, left);
      return;
    }
    while (left.blocks().size() > index + 1) {
      cache.release(left.blocks().removeLast());
    }
    int block = left.blocks().removeLast();
    if (cache.isShared(block)) { // can't be written to, and no other is available
      cache.release(block);
    } else {
      sequence.blocks().append(block);
    }
  }

  private void copy(Sequence sequence, Sequence donor) {
    int block = cache.allocate();
    copies.add(new Copy(donor.blocks().block(sequence.shared()), block));
    sequence.blocks().append(block);
  }

  /** How many blocks a table lacks for so many positions. */
  int lacking(Sequence sequence, int positions) {
    return blocksFor(positions) - sequence.blocks().size();
  }

  /** Gives a table room for so many positions; the blocks must be available. */
  void extend(Sequence sequence, int positions) {
    for (int lacking = lacking(sequence, positions); lacking > 0; lacking--) {
      sequence.blocks().append(cache.allocate());
    }
  }

  /** Gives up the blocks behind what is computed. */
  void trim(Sequence sequence) {
    while (sequence.blocks().size() > blocksFor(sequence.computed())) {
      cache.release(sequence.blocks().removeLast());
    }
  }

  /** Shares the blocks that have become full and are computed. */
  void share(Sequence sequence) {
    while (sequence.canShareMore() && (sequence.shared() + 1) * blockSize <= sequence.computed()) {
      int index = sequence.shared();
      BlockTable table = sequence.blocks();
      Node node =
          cache.share(
              sequence.lastShared(),
              sequence.salt(),
              name(sequence, index),
              sequence.tokens(),
              index * blockSize,
              table.block(index));
      if (node == null) {
        sequence.sharesNoMore();
      } else {
        table.replace(index, node.block());
        sequence.sharesOneMore(node);
      }
    }
  }

  /** Lets go of all that a sequence holds, the last block first. */
  void release(Sequence sequence) {
    while (sequence.blocks().size() > 0) {
      cache.release(sequence.blocks().removeLast());
    }
    sequence.sharesNothing();
  }

  /** Of a sequence that has ended: lets go of its blocks, or leaves them to its session. */
  void releaseOrLeave(Sequence sequence, boolean endedWell) {
    Optional<Long> session = sequence.request().scheduling().session();
    if (endedWell && sequence.candidate() == 0 && sessions.isOpen(session)) {
      Sequence before = sessions.take(session);
      if (before != null) {
        release(before);
      }
      trim(sequence);
      sessions.leave(session.orElseThrow(), sequence);
    } else {
      release(sequence);
    }
  }

  void openSession(long session) {
    sessions.open(session);
  }

  void closeSession(long session) {
    Sequence left = sessions.close(session);
    if (left != null) {
      release(left);
    }
  }

  /** Gives up what the session that was used least recently has left, if any has. */
  boolean releaseOldestSession() {
    Sequence left = sessions.takeOldest();
    if (left != null) {
      release(left);
    }
    return left != null;
  }

  /** Copies that the next step has to make, in order. */
  List<Copy> takeCopies() {
    List<Copy> taken = copies;
    copies = new ArrayList<>();
    return taken;
  }

  /** How many blocks these sequences hold, each counted once. */
  int heldBy(Collection<Sequence> sequences) {
    seen.clear();
    for (Sequence sequence : sequences) {
      for (int i = 0; i < sequence.blocks().size(); i++) {
        seen.set(sequence.blocks().block(i));
      }
    }
    return seen.cardinality();
  }

  /** How many somebody holds, be it the cache alone, or a session. */
  int held() {
    return cache.total() - cache.free();
  }

  /**
   * @param held how many live sequences' tables hold each block; sessions' are added
   * @throws IllegalStateException if an invariant doesn't hold
   */
  void check(int[] held) {
    sessions.forEach(
        left -> {
          for (int i = 0; i < left.blocks().size(); i++) {
            held[left.blocks().block(i)]++;
          }
        });
    cache.check(held);
  }
}
