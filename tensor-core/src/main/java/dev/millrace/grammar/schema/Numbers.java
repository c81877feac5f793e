package dev.millrace.grammar.schema;

import dev.millrace.grammar.automaton.Automaton;
import dev.millrace.grammar.automaton.Budget;
import dev.millrace.grammar.automaton.CodePoints;
import dev.millrace.grammar.automaton.Pattern;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Numbers within bounds, as texts. Free ones are written in any way that JSON has; those with
 * bounds or a divisor without exponent and minus zero, and, where they have a fraction, in {@link
 * #MAX_DIGITS} digits at most: whoever reads them as float64 must see the same side of a bound.
 */
final class Numbers {
  static final int MAX_DIGITS = 15;

  private static final Pattern DIGIT = digits('0', '9');
  private static final Pattern DIGITS = DIGIT.repeated(0, Pattern.UNBOUNDED);
  private static final Pattern POINT = Pattern.literal(".");
  private static final Pattern MINUS = Pattern.literal("-");
  private static final Pattern NOT_ZERO =
      Pattern.sequence(DIGITS, digits('1', '9'), DIGITS); // some digit isn't 0
  private static final Pattern FRACTION =
      Pattern.sequence(POINT, DIGIT.repeated(1, Pattern.UNBOUNDED));
  private static final Pattern POSITIVE_INTEGER = Pattern.sequence(digits('1', '9'), DIGITS);
  private static final Pattern NATURAL = Pattern.either(Pattern.literal("0"), POSITIVE_INTEGER);

  static final Pattern INTEGER =
      Pattern.either(Pattern.literal("0"), Pattern.sequence(MINUS.optional(), POSITIVE_INTEGER));

  static final Pattern ANY =
      Pattern.sequence(
          MINUS.optional(),
          NATURAL,
          FRACTION.optional(),
          Pattern.sequence(
                  new Pattern.OneOf(CodePoints.anyOf("eE")),
                  new Pattern.OneOf(CodePoints.anyOf("+-")).optional(),
                  DIGIT.repeated(1, Pattern.UNBOUNDED))
              .optional());

  /**
   * @param strict the bound itself is outside
   */
  record Bound(BigDecimal value, boolean strict) {
    Bound negated() {
      return new Bound(value.negate(), strict);
    }
  }

  private static final Bound ABOVE_ZERO = new Bound(BigDecimal.ZERO, true);

  private Numbers() {}

  private static Pattern digits(char first, char last) {
    return new Pattern.OneOf(CodePoints.range(first, last));
  }

  static Automaton between(Optional<Bound> lower, Optional<Bound> upper, Budget budget) {
    boolean fromZero = lower.isEmpty() || lower.get().value().signum() < 0;
    List<Pattern> natural = new ArrayList<>();
    natural.add(Pattern.sequence(NATURAL, FRACTION.optional()));
    if (!fromZero) {
      natural.add(atLeast(lower.get()));
    }
    upper.ifPresent(bound -> natural.add(atMost(bound)));
    List<Pattern> negative = new ArrayList<>(); // magnitudes
    negative.add(atLeast(ABOVE_ZERO));
    upper
        .filter(bound -> bound.value().signum() <= 0)
        .ifPresent(bound -> negative.add(atLeast(bound.negated())));
    lower.ifPresent(bound -> negative.add(atMost(bound.negated())));
    Automaton below =
        all(negative.stream().map(each -> Pattern.sequence(MINUS, each)).toList(), budget);
    return all(natural, budget).or(below, budget).and(fewDigits(budget), budget);
  }

  private static Automaton all(List<Pattern> patterns, Budget budget) {
    return patterns.stream()
        .map(each -> Automaton.of(each, budget))
        .reduce((a, b) -> a.and(b, budget))
        .orElseThrow();
  }

  private static Automaton fewDigits(Budget budget) {
    List<Pattern> forms = new ArrayList<>();
    forms.add(DIGITS);
    for (int digits = 1; digits < MAX_DIGITS; digits++) {
      forms.add(
          Pattern.sequence(
              DIGIT.repeated(digits, digits), POINT, DIGIT.repeated(1, MAX_DIGITS - digits)));
    }
    return Automaton.of(Pattern.sequence(MINUS.optional(), new Pattern.Either(forms)), budget);
  }

  /** Not below a bound that isn't negative. */
  private static Pattern atLeast(Bound bound) {
    String integer = integer(bound);
    int length = integer.length();
    List<Pattern> options = new ArrayList<>();
    int more = integer.equals("0") ? 0 : length;
    options.add(
        Pattern.sequence(
            digits('1', '9'), DIGIT.repeated(more, Pattern.UNBOUNDED), FRACTION.optional()));
    for (int i = 0; i < length; i++) {
      if (integer.charAt(i) < '9' && !integer.equals("0")) {
        options.add(
            Pattern.sequence(
                Pattern.literal(integer.substring(0, i)),
                digits((char) (integer.charAt(i) + 1), '9'),
                DIGIT.repeated(length - i - 1, length - i - 1),
                FRACTION.optional()));
      }
    }
    options.add(
        Pattern.sequence(
            Pattern.literal(integer), fractionAtLeast(fraction(bound), bound.strict())));
    return new Pattern.Either(options);
  }

  private static Pattern fractionAtLeast(String fraction, boolean strict) {
    Pattern rest = strict ? NOT_ZERO : DIGITS;
    if (fraction.isEmpty()) {
      return strict ? Pattern.sequence(POINT, NOT_ZERO) : FRACTION.optional();
    }
    List<Pattern> options = new ArrayList<>();
    for (int i = 0; i < fraction.length(); i++) {
      if (fraction.charAt(i) < '9') {
        options.add(
            Pattern.sequence(
                Pattern.literal(fraction.substring(0, i)),
                digits((char) (fraction.charAt(i) + 1), '9'),
                DIGITS));
      }
    }
    options.add(Pattern.sequence(Pattern.literal(fraction), rest));
    return Pattern.sequence(POINT, new Pattern.Either(options));
  }

  /** Not above a bound; nothing if that is negative. */
  private static Pattern atMost(Bound bound) {
    List<Pattern> options = new ArrayList<>();
    if (bound.value().signum() < 0) {
      return new Pattern.Either(options);
    }
    String integer = integer(bound);
    int length = integer.length();
    if (length > 1) {
      options.add(Pattern.sequence(Pattern.literal("0"), FRACTION.optional()));
      options.add(
          Pattern.sequence(digits('1', '9'), DIGIT.repeated(0, length - 2), FRACTION.optional()));
    }
    for (int i = 0; i < length; i++) {
      char least = i == 0 && length > 1 ? '1' : '0';
      if (integer.charAt(i) > least) {
        options.add(
            Pattern.sequence(
                Pattern.literal(integer.substring(0, i)),
                digits(least, (char) (integer.charAt(i) - 1)),
                DIGIT.repeated(length - i - 1, length - i - 1),
                FRACTION.optional()));
      }
    }
    options.add(
        Pattern.sequence(
            Pattern.literal(integer), fractionAtMost(fraction(bound), bound.strict())));
    return new Pattern.Either(options);
  }

  private static Pattern fractionAtMost(String fraction, boolean strict) {
    Pattern zeros = Pattern.literal("0").repeated(0, Pattern.UNBOUNDED);
    List<Pattern> options = new ArrayList<>();
    if (fraction.isEmpty()) {
      return strict
          ? new Pattern.Either(options)
          : Pattern.sequence(POINT, Pattern.literal("0"), zeros).optional();
    }
    for (int i = 0; i < fraction.length(); i++) {
      Pattern same = Pattern.literal(fraction.substring(0, i));
      if (i > 0) {
        options.add(same);
      }
      if (fraction.charAt(i) > '0') {
        options.add(Pattern.sequence(same, digits('0', (char) (fraction.charAt(i) - 1)), DIGITS));
      }
    }
    if (!strict) {
      options.add(Pattern.sequence(Pattern.literal(fraction), zeros));
    }
    return Pattern.sequence(POINT, new Pattern.Either(options)).optional();
  }

  private static String integer(Bound bound) {
    return bound.value().toBigInteger().toString();
  }

  /** Digits behind the point, no zeros at the end. */
  private static String fraction(Bound bound) {
    BigDecimal fraction = bound.value().remainder(BigDecimal.ONE).stripTrailingZeros();
    return fraction.signum() == 0 ? "" : fraction.toPlainString().substring(2);
  }
}
