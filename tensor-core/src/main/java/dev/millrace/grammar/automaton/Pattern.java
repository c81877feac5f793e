package dev.millrace.grammar.automaton;

import java.util.List;

/** A regular language over characters, as one writes it. Immutable. */
public sealed interface Pattern {
  /** No limit to how often something is repeated. */
  int UNBOUNDED = Integer.MAX_VALUE;

  /** One character of a set. */
  record OneOf(CodePoints characters) implements Pattern {}

  record Sequence(List<Pattern> parts) implements Pattern {}

  record Either(List<Pattern> options) implements Pattern {}

  /**
   * @param most {@link #UNBOUNDED}, or at least {@code least}
   */
  record Repeat(Pattern repeated, int least, int most) implements Pattern {}

  /** Nothing, where the text begins ({@code ^}). */
  record Begin() implements Pattern {}

  /** Nothing, where the text ends ({@code $}). */
  record End() implements Pattern {}

  /** Any text. */
  static Pattern anything() {
    return new Repeat(new OneOf(CodePoints.ALL), 0, UNBOUNDED);
  }

  static Pattern literal(String text) {
    return new Sequence(
        text.codePoints().mapToObj(c -> (Pattern) new OneOf(CodePoints.of(c))).toList());
  }

  static Pattern sequence(Pattern... parts) {
    return new Sequence(List.of(parts));
  }

  static Pattern either(Pattern... options) {
    return new Either(List.of(options));
  }

  default Pattern optional() {
    return new Repeat(this, 0, 1);
  }

  default Pattern repeated(int least, int most) {
    return new Repeat(this, least, most);
  }
}
