package dev.millrace.engine;

import dev.millrace.engine.StepPlan.Entry;
import java.util.List;

/**
 * Speculative decoding: a step verifies what a sequence will probably say, several tokens at once.
 * A draft is as long as it pays. One row more costs what the {@link CostModel} says, and brings a
 * token with the chance that all of the draft is right so far: it is worth it if the step brings
 * more tokens in its time with the row than without. So drafts get shorter the more sequences
 * decode, the longer they are, and the more guesses turn out to be wrong, down to none.
 *
 * <p>Drafts are what is left over: they take neither blocks nor rows that others could use in the
 * step, and while prompts are computed, whose rows are certain to be needed, there are none. No
 * draft goes beyond what its reader has room for.
 */
final class Drafts {
  private final EngineState state;
  private final EngineSettings settings;

  Drafts(EngineState state) {
    this.state = state;
    this.settings = state.settings();
  }

  /** Gives decode rows drafts, in their order. */
  void lengthen(List<Entry> entries) {
    CostModel cost = state.costModel();
    if (settings.policy().maxDraft() == 0 || !cost.isFitted() || !areOnlyDecoding(entries)) {
      return;
    }
    double tokens = entries.size(); // that the step brings, on average
    double nanos = cost.nanos(entries.size(), entries.stream().mapToLong(Entry::attended).sum());
    double longest = Scheduler.longestStep(settings, nanos, false);
    int left = settings.logitRows() - entries.size();
    for (int i = 0; i < entries.size(); i++) {
      Entry entry = entries.get(i);
      Sequence sequence = entry.sequence();
      int most = Math.min(settings.policy().maxDraft(), useful(sequence, entries));
      Speculation speculation = sequence.speculation();
      int guessed = most > 0 ? speculation.guess(sequence, most) : 0;
      guessed = Math.min(Math.min(guessed, left), computable(sequence));
      Lookahead ahead = sequence.completion().lookahead();
      double chance = 1;
      int drafted = 0;
      while (drafted < guessed) {
        chance *= speculation.chance();
        double row = cost.nanosForRow(entry.position() + drafted + 1);
        boolean pays = chance * nanos > tokens * row && nanos + row <= longest;
        if (!pays || !ahead.goesOnBehind(sequence.tokens()[sequence.length() + drafted])) {
          break;
        }
        drafted++;
        tokens += chance;
        nanos += row;
      }
      if (drafted > 0) {
        state.blocks().extend(sequence, sequence.computed() + 1 + drafted);
        entries.set(i, new Entry(sequence, entry.position(), 1 + drafted, true, drafted));
        left -= drafted;
      }
    }
  }

  private static boolean areOnlyDecoding(List<Entry> entries) {
    return entries.stream().allMatch(entry -> entry.count() == 1 && entry.samples());
  }

  /** How many tokens more than one a sequence can bring, and its reader has room for. */
  private static int useful(Sequence sequence, List<Entry> entries) {
    int room = sequence.generation().outlet().room();
    if (sequence.generation().candidates().size() > 1) {
      for (Entry entry : entries) {
        boolean sibling = entry.sequence().generation() == sequence.generation();
        if (sibling && entry.sequence() != sequence) {
          room -= Math.max(1, entry.sequence().completion().deltasFor(entry.logitRows()));
        }
      }
    }
    long wanted = sequence.completion().tokensFor(room);
    return (int) Math.min(wanted, sequence.worstCaseLength() - sequence.length()) - 1;
  }

  /** How many of its tokens behind the next one have, or can get, a place in blocks. */
  private int computable(Sequence sequence) {
    Blocks blocks = state.blocks();
    long places = (long) (sequence.blocks().size() + blocks.available()) * blocks.blockSize();
    return (int) Math.min(places - sequence.computed() - 1, settings.policy().maxDraft());
  }
}
