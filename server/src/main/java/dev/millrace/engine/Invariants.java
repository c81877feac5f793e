package dev.millrace.engine;

import dev.millrace.engine.Sequence.Phase;
import dev.millrace.kv.BlockAllocator;

/**
 * What holds between any two turns of an engine. A live sequence is either in the queue or running.
 * A block's reference count is the number of tables that hold it; what waits or has ended holds
 * none. A running sequence's table has room for just what is computed, and never more than was
 * reserved for it; the reservations of all that run fit the pool.
 */
final class Invariants {
  private Invariants() {}

  /**
   * @throws IllegalStateException naming the sequence or block for which one doesn't hold
   */
  static void check(EngineState state, BlockAllocator allocator) {
    EngineSettings settings = state.settings();
    int[] holders = new int[settings.kvBlocks()];
    int reserved = 0;
    for (Sequence sequence : state.running()) {
      int most = settings.blocksFor(sequence.worstCaseLength());
      int blocks = sequence.blocks().size();
      require(sequence, sequence.phase() == Phase.RUNNING, "is running in another phase");
      require(sequence, !state.waiting().contains(sequence), "is waiting and running");
      require(sequence, blocks == settings.blocksFor(sequence.computed()), "holds wrong blocks");
      require(sequence, blocks <= most, "holds more blocks than were reserved");
      require(sequence, sequence.remaining() > 0, "has nothing to compute");
      for (int i = 0; i < blocks; i++) {
        holders[sequence.blocks().block(i)]++;
      }
      reserved += most;
    }
    for (Sequence sequence : state.waiting()) {
      require(sequence, sequence.phase() == Phase.QUEUED, "is waiting in another phase");
      require(sequence, sequence.blocks().size() == 0, "waits with blocks");
    }
    for (int block = 0; block < holders.length; block++) {
      if (allocator.references(block) != holders[block]) {
        throw new IllegalStateException(
            "block %d counts %d references, tables hold it %d times"
                .formatted(block, allocator.references(block), holders[block]));
      }
    }
    int unreserved = settings.kvBlocks() - reserved;
    if (unreserved != state.unreservedBlocks() || unreserved < 0) {
      throw new IllegalStateException(
          "%d blocks are counted as unreserved; those that run leave %d of %d"
              .formatted(state.unreservedBlocks(), unreserved, settings.kvBlocks()));
    }
  }

  private static void require(Sequence sequence, boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalStateException("sequence " + sequence.id() + " " + otherwise);
    }
  }
}
