package dev.millrace.engine;

import java.util.ArrayList;
import java.util.List;

/**
 * Decides what the next step computes. Pure: the same state gives the same plan, and nothing is
 * changed.
 *
 * <p>Decode rows go first, one for each running sequence that isn't stalled. What is left of the
 * step's token budget goes to prompts: those that have begun, then those that wait, in order of
 * arrival. A waiting sequence starts when the pool can hold all that it may ever grow to, so what
 * runs can always end, and blocks can't run out in the middle: the simplest rule without deadlock,
 * which leaves blocks idle until a sequence has grown into them. The first that doesn't fit holds
 * up those behind it: nobody is overtaken forever. A stalled sequence keeps its blocks and its
 * place among those that run.
 */
final class Scheduler {

  StepPlan plan(EngineState state) {
    EngineSettings settings = state.settings();
    List<StepPlan.Entry> entries = new ArrayList<>();
    List<Sequence> started = new ArrayList<>();
    int budget = settings.maxBatchTokens();

    for (Sequence sequence : state.running()) {
      if (!sequence.isPrefilling() && !sequence.lifetime().isStalled()) {
        entries.add(entry(sequence, 1));
        budget--;
      }
    }
    for (Sequence sequence : state.running()) {
      if (sequence.isPrefilling() && budget > 0) {
        int count = Math.min(budget, sequence.remaining());
        entries.add(entry(sequence, count));
        budget -= count;
      }
    }
    int places = settings.maxRunning() - state.running().size();
    int blocks = state.unreservedBlocks();
    for (Sequence sequence : state.waiting()) {
      blocks -= settings.blocksFor(sequence.worstCaseLength());
      if (budget == 0 || places == started.size() || blocks < 0) {
        break;
      }
      int count = Math.min(budget, sequence.remaining());
      started.add(sequence);
      entries.add(entry(sequence, count));
      budget -= count;
    }
    return new StepPlan(started, entries);
  }

  private static StepPlan.Entry entry(Sequence sequence, int count) {
    return new StepPlan.Entry(sequence, sequence.computed(), count, count == sequence.remaining());
  }
}
