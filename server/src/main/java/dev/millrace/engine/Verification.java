package dev.millrace.engine;

import dev.millrace.sampling.SampledToken;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Draws an entry's tokens, row by row, each as if it were drawn in a step of its own: at its own
 * position, with penalties, forbidden ids and the format's mask behind all tokens in front of it.
 * The first that isn't the draft's is the last, since the rows behind it stand on another token.
 */
final class Verification {
  private Verification() {}

  /** A model's part: chooses by logits. */
  @FunctionalInterface
  interface Draw {
    /**
     * @param row of the entry's rows of logits
     * @param position of the token; the sequence's tokens in front of it are known or drawn
     * @param forbidden ids that can't be drawn
     * @param allowed those that a format allows; null is all
     */
    SampledToken draw(int row, int position, int[] forbidden, long @Nullable [] allowed);
  }

  /** The draft's tokens that were drawn too, and one more. */
  static List<SampledToken> draw(StepPlan.Entry entry, Draw draw) {
    Sequence sequence = entry.sequence();
    Lookahead ahead = sequence.completion().lookahead();
    int end = sequence.length();
    SampledToken token = draw.draw(0, end, ahead.forbiddenIds(), ahead.allowed());
    List<SampledToken> drawn = new ArrayList<>(1 + entry.drafted());
    drawn.add(token);
    for (int row = 1; row <= entry.drafted(); row++) {
      int draft = sequence.tokens()[end + row - 1];
      if (token.id() != draft) {
        break;
      }
      ahead.accept(draft);
      token = draw.draw(row, end + row, ahead.forbiddenIds(), ahead.allowed());
      drawn.add(token);
    }
    return drawn;
  }
}
