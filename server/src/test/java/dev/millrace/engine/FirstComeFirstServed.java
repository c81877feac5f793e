package dev.millrace.engine;

import dev.millrace.engine.StepPlan.Entry;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * The policy to be better than, as servers had it before prompts were cut: whole prompts in order
 * of arrival, in steps of their own, as soon as they fit; else one token for each that runs. When
 * blocks run out, the latest gives up. No priorities, callers, or regard for time. Readers are
 * supposed to keep up.
 */
final class FirstComeFirstServed implements Planner {
  /** Of the prompts of one step; a longer one has a step of its own. */
  private static final int MOST_PROMPT_TOKENS = 2_048;

  private static final Comparator<Sequence> BY_ARRIVAL =
      Comparator.comparingLong(Sequence::id).thenComparingInt(Sequence::candidate);

  private final EngineState state;
  private final Blocks blocks;

  FirstComeFirstServed(EngineState state) {
    this.state = state;
    this.blocks = state.blocks();
  }

  @Override
  public StepPlan plan(long now) {
    List<Entry> prompts = startWaiting(now);
    List<Entry> entries = prompts.isEmpty() ? decodeRows() : prompts;
    return new StepPlan(blocks.takeCopies(), entries);
  }

  private List<Entry> startWaiting(long now) {
    List<Entry> entries = new ArrayList<>();
    int budget = MOST_PROMPT_TOKENS;
    for (Sequence next : state.waiting().stream().sorted(BY_ARRIVAL).toList()) {
      boolean fits = blocks.neededToStart(next) <= blocks.available();
      boolean inBudget = entries.isEmpty() || blocks.uncached(next) <= budget;
      if (!fits || !inBudget || state.running().size() == state.settings().maxRunning()) {
        break;
      }
      state.start(next, now);
      budget -= next.remaining();
      entries.add(all(next));
    }
    return entries;
  }

  private List<Entry> decodeRows() {
    List<Entry> entries = new ArrayList<>();
    for (Sequence sequence : state.running().stream().sorted(BY_ARRIVAL).toList()) {
      while (sequence.phase() == Sequence.Phase.RUNNING
          && blocks.available() < blocks.lacking(sequence, sequence.length())) {
        state.preempt(state.running().stream().max(BY_ARRIVAL).orElseThrow());
      }
      if (sequence.phase() == Sequence.Phase.RUNNING) {
        entries.add(all(sequence));
      }
    }
    return entries;
  }

  /** All that it has left to compute. */
  private Entry all(Sequence sequence) {
    blocks.extend(sequence, sequence.length());
    return new Entry(sequence, sequence.computed(), sequence.remaining(), true);
  }
}
