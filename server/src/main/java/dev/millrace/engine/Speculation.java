package dev.millrace.engine;

import dev.millrace.sampling.SampledToken;
import java.util.List;

/**
 * Guesses at a sequence's next tokens, and how often they are right. A guess that no step verifies
 * is compared with what is drawn all the same, so trying costs nothing where it doesn't pay.
 */
final class Speculation {
  private static final double KEEP = 0.9; // of what was seen, when one guess more is judged
  private static final double BEFORE_ANY = 0.25; // a guess's chance

  private final PromptLookup lookup = new PromptLookup();
  private double right; // guesses, the older the less they count
  private double wrong;
  private int at = -1; // the position of the last guess's first token
  private int count;

  /**
   * Guesses up to so many tokens, written behind a sequence's known ones.
   *
   * @return how many
   */
  int guess(Sequence sequence, int most) {
    at = sequence.length();
    count = lookup.guess(sequence.tokensWithRoomFor(most), at, most);
    return count;
  }

  /** That a guessed token is right, if those in front of it are. */
  double chance() {
    return (right + BEFORE_ANY) / (right + wrong + 1);
  }

  /** Judges the last guess by what was drawn, which isn't appended to the sequence yet. */
  void learn(Sequence sequence, List<SampledToken> drawn) {
    if (at != sequence.length()) {
      return;
    }
    boolean same = true;
    for (int i = 0; same && i < Math.min(count, drawn.size()); i++) {
      same = drawn.get(i).id() == sequence.tokens()[at + i];
      right = KEEP * right + (same ? 1 : 0);
      wrong = KEEP * wrong + (same ? 0 : 1);
    }
  }
}
