package dev.millrace.engine;

import dev.millrace.engine.Sequence.Phase;

/**
 * What holds between any two turns of an engine. A live sequence is either waiting or running; one
 * that has ended is neither. Only running ones hold blocks, just as many as hold what is computed,
 * and sessions those that ended ones have left. A block's reference count is the number of tables
 * that hold it, and one more if it is the prefix cache's; one that isn't is in one table at most. A
 * running sequence has something to compute, and the queue's places are held by requests that were
 * never started.
 */
final class Invariants {
  private Invariants() {}

  /**
   * @throws IllegalStateException naming the sequence or block for which one doesn't hold
   */
  static void check(EngineState state) {
    int[] held = new int[state.settings().kvBlocks()];
    int open = 0;
    for (Generation generation : state.live()) {
      for (Sequence sequence : generation.candidates()) {
        check(state, sequence);
        open += sequence.phase() == Phase.ENDED ? 0 : 1;
      }
      if (generation.hasEnded()) {
        throw new IllegalStateException("request " + generation.id() + " has ended and is live");
      }
    }
    if (open != state.running().size() + state.waiting().size()) {
      throw new IllegalStateException("some sequence is neither live nor ended");
    }
    for (Sequence sequence : state.running()) {
      for (int i = 0; i < sequence.blocks().size(); i++) {
        held[sequence.blocks().block(i)]++;
      }
    }
    state.blocks().check(held);
    if (state.live().isEmpty() && !state.fairness().isEmpty()) {
      throw new IllegalStateException("callers are counted as present, nobody is");
    }
  }

  private static void check(EngineState state, Sequence sequence) {
    boolean runs = state.running().contains(sequence);
    boolean waits = state.waiting().contains(sequence);
    require(sequence, runs == (sequence.phase() == Phase.RUNNING), "runs in another phase");
    require(sequence, waits == (sequence.phase() == Phase.QUEUED), "waits in another phase");
    int blocks = sequence.blocks().size();
    if (runs) {
      int needed = state.blocks().blocksFor(sequence.computed());
      require(sequence, blocks == needed, "holds wrong blocks");
      require(sequence, sequence.remaining() > 0, "has nothing to compute");
      require(sequence, sequence.shared() <= blocks, "shares blocks that it doesn't hold");
    }
    require(sequence, !waits || blocks == 0, "waits with blocks");
    require(sequence, !waits || sequence.computed() == 0, "waits and has computed");
    boolean placed = sequence.generation().holdsPlace();
    require(sequence, !runs || !placed, "runs and holds a place in the queue");
  }

  private static void require(Sequence sequence, boolean holds, String otherwise) {
    if (!holds) {
      throw new IllegalStateException(sequence + " " + otherwise);
    }
  }
}
