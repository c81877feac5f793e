package dev.millrace.engine;

import dev.millrace.grammar.machine.Constraint;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/** What may be drawn behind an output, and behind tokens that aren't part of it yet. */
final class Lookahead {
  private static final int[] NO_IDS = {};

  private final int[] endingIds; // ascending
  private final @Nullable Constraint constraint;
  private int untilItMayEnd; // tokens

  /**
   * @param endingIds ids that end the output, ascending; can't be drawn before it may end
   * @param constraint of a format, changed by what is accepted here
   */
  Lookahead(int untilItMayEnd, int[] endingIds, @Nullable Constraint constraint) {
    this.untilItMayEnd = untilItMayEnd;
    this.endingIds = endingIds;
    this.constraint = constraint;
  }

  /** Ids that can't be drawn next; not to be changed. */
  int[] forbiddenIds() {
    return untilItMayEnd > 0 ? endingIds : NO_IDS;
  }

  /** Ids that the format allows next, as {@link Constraint#allowed}; null where it allows all. */
  long @Nullable [] allowed() {
    return constraint == null ? null : constraint.allowed();
  }

  /** Takes a token. */
  void accept(int id) {
    untilItMayEnd--;
    if (constraint != null) {
      constraint.accept(id);
    }
  }

  /**
   * Takes a token, if it may be drawn and more may come behind it. Stop texts aren't looked for.
   *
   * @return whether that is so; if it isn't, nothing more is to be asked here
   */
  boolean goesOnBehind(int id) {
    boolean ends = Arrays.binarySearch(endingIds, id) >= 0;
    if (ends || constraint != null && !constraint.allows(id)) {
      return false;
    }
    accept(id);
    return constraint == null || !constraint.isComplete();
  }
}
