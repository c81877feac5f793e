package dev.millrace.grammar.schema;

import dev.millrace.grammar.automaton.Automaton;
import dev.millrace.grammar.automaton.Budget;
import dev.millrace.grammar.automaton.CountedString;
import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.grammar.automaton.Pattern;
import dev.millrace.grammar.regex.RegexParser;
import dev.millrace.json.JsonValue;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Schemas that all hold, none of which refers to others in place any more: what they say together
 * about each type of value. Keywords that begin with {@link #INTERNAL} are ours, for what {@link
 * Negation} needs and JSON Schema has no word for.
 */
final class Conjunction {
  static final String INTERNAL = "\u0001";
  static final String NOT_ONE_OF = INTERNAL + "notOneOf";
  static final String NOT_PATTERN = INTERNAL + "notPattern";
  static final String FRACTION = INTERNAL + "fraction";

  /** The greatest divisor: an automaton has a state for each remainder. */
  private static final int MAX_DIVISOR = 10_000;

  enum ValueType {
    NULL,
    BOOLEAN,
    NUMBER,
    STRING,
    ARRAY,
    OBJECT
  }

  final List<Part> parts;
  private final Budget budget;
  private @Nullable Automaton strings;

  Conjunction(List<Part> parts, Budget budget) {
    this.parts = List.copyOf(parts);
    this.budget = budget;
  }

  Set<ValueType> types() {
    Set<ValueType> types = EnumSet.allOf(ValueType.class);
    for (Part part : parts) {
      if (part.has("type")) {
        types.retainAll(EnumSet.copyOf(typeNames(part).stream().map(n -> type(part, n)).toList()));
      }
    }
    return types;
  }

  static List<String> typeNames(Part part) {
    JsonValue value = part.get("type");
    List<String> names =
        value instanceof JsonValue.Text one ? List.of(one.value()) : part.texts("type");
    if (names.isEmpty()) {
      throw part.wrong("type", "is empty; at least one is needed");
    }
    return names;
  }

  private static ValueType type(Part part, String name) {
    return switch (name) {
      case "null" -> ValueType.NULL;
      case "boolean" -> ValueType.BOOLEAN;
      case "integer", "number" -> ValueType.NUMBER;
      case "string" -> ValueType.STRING;
      case "array" -> ValueType.ARRAY;
      case "object" -> ValueType.OBJECT;
      default ->
          throw part.wrong(
              "type",
              "is \""
                  + name
                  + "\"; null, boolean, integer, number, string, array and object are known");
    };
  }

  boolean onlyIntegers() {
    return parts.stream()
        .filter(part -> part.has("type"))
        .map(Conjunction::typeNames)
        .anyMatch(names -> names.contains("integer") && !names.contains("number"));
  }

  /** The values that enum and const leave; nothing where neither is given. */
  Optional<List<JsonValue>> values() {
    List<JsonValue> common = null;
    for (Part part : parts) {
      for (String keyword : List.of("enum", "const")) {
        JsonValue given = part.get(keyword);
        if (given != null) {
          List<JsonValue> values =
              keyword.equals("enum") ? part.array(keyword, given) : List.of(given);
          Set<JsonValue> known = Set.copyOf(values);
          common =
              (common == null ? values : common)
                  .stream().filter(known::contains).distinct().toList();
        }
      }
    }
    return Optional.ofNullable(common);
  }

  /** Values that are forbidden one by one. */
  List<JsonValue> forbidden() {
    return parts.stream()
        .filter(part -> part.has(NOT_ONE_OF))
        .flatMap(part -> part.array(NOT_ONE_OF, part.value(NOT_ONE_OF)).stream())
        .toList();
  }

  boolean forbids(JsonValue value) {
    return forbidden().contains(value);
  }

  int least(String keyword) {
    return parts.stream().flatMap(part -> part.count(keyword).stream()).reduce(0, Math::max);
  }

  /** {@link Integer#MAX_VALUE} is no limit. */
  int most(String keyword) {
    return parts.stream()
        .flatMap(part -> part.count(keyword).stream())
        .reduce(Integer.MAX_VALUE, Math::min);
  }

  /** What strings contain, but for their length; nothing where anything goes. */
  Optional<Automaton> stringContents() {
    if (strings == null) {
      Automaton contents = null;
      for (Part part : parts) {
        for (Pattern pattern : patterns(part)) {
          Automaton next = inside(part, () -> Automaton.of(pattern, budget));
          contents = contents == null ? next : contents.and(next, budget);
        }
      }
      for (Automaton each : excludedStrings()) {
        Automaton from = contents == null ? Automaton.of(Pattern.anything(), budget) : contents;
        contents = from.minus(each, budget);
      }
      strings = contents;
    }
    return Optional.ofNullable(strings);
  }

  private List<Pattern> patterns(Part part) {
    List<Pattern> patterns = new ArrayList<>();
    JsonValue pattern = part.get("pattern");
    if (pattern != null) {
      patterns.add(unanchored(part, "pattern", part.text("pattern", pattern), budget));
    }
    JsonValue format = part.get("format");
    if (format != null) {
      patterns.add(StringFormats.pattern(part, part.text("format", format), budget));
    }
    return patterns;
  }

  static Pattern unanchored(Part part, String keyword, String expression, Budget budget) {
    try {
      return RegexParser.parseUnanchored(expression, budget);
    } catch (FormatException e) {
      throw part.wrong(keyword, String.valueOf(e.getMessage()));
    }
  }

  private List<Automaton> excludedStrings() {
    List<Automaton> excluded = new ArrayList<>();
    for (Part part : parts) {
      JsonValue pattern = part.get(NOT_PATTERN);
      if (pattern != null) {
        String expression = part.text(NOT_PATTERN, pattern);
        excluded.add(Automaton.of(unanchored(part, "pattern", expression, budget), budget));
      }
    }
    List<String> texts =
        forbidden().stream()
            .filter(JsonValue.Text.class::isInstance)
            .map(value -> ((JsonValue.Text) value).value())
            .toList();
    if (!texts.isEmpty()) {
      excluded.add(Automaton.ofTexts(texts, budget));
    }
    return excluded;
  }

  /** Has a limit that is met while a part is compiled told with the part's place. */
  static <T> T inside(Part part, Supplier<T> work) {
    try {
      return work.get();
    } catch (FormatException e) {
      throw e.where().isEmpty()
          ? new FormatException(part.pointer(), String.valueOf(e.getMessage()))
          : e;
    }
  }

  int leastLength() {
    int least = least("minLength");
    if (least > CountedString.MAX_LENGTH) {
      throw parts.stream()
          .filter(part -> part.has("minLength"))
          .findFirst()
          .orElseThrow()
          .wrong("minLength", "is " + least + "; at most " + CountedString.MAX_LENGTH);
    }
    return least;
  }

  /** Numbers as texts; nothing where every number goes, or every integer. */
  Optional<Automaton> numbers() {
    Optional<Numbers.Bound> lower = bound("minimum", "exclusiveMinimum", 1);
    Optional<Numbers.Bound> upper = bound("maximum", "exclusiveMaximum", -1);
    List<Part> divided = parts.stream().filter(part -> part.has("multipleOf")).toList();
    boolean fraction = parts.stream().anyMatch(part -> part.has(FRACTION));
    List<BigDecimal> excluded =
        forbidden().stream()
            .filter(JsonValue.Decimal.class::isInstance)
            .map(value -> ((JsonValue.Decimal) value).value())
            .toList();
    if (lower.isEmpty()
        && upper.isEmpty()
        && divided.isEmpty()
        && !fraction
        && excluded.isEmpty()) {
      return Optional.empty();
    }
    Automaton numbers = Numbers.between(lower, upper, budget);
    for (Part part : divided) {
      numbers = numbers.and(multiples(part), budget);
    }
    if (onlyIntegers()) {
      numbers = numbers.and(Automaton.of(Numbers.INTEGER, budget), budget);
    }
    if (fraction) {
      numbers = numbers.minus(Automaton.ofMultiples(1, 0, budget), budget);
    }
    for (BigDecimal value : excluded) {
      Optional<Numbers.Bound> here = Optional.of(new Numbers.Bound(value, false));
      numbers = numbers.minus(Numbers.between(here, here, budget), budget);
    }
    return Optional.of(numbers);
  }

  private Automaton multiples(Part part) {
    BigDecimal divisor = part.number("multipleOf").orElseThrow().stripTrailingZeros();
    int decimals = Math.max(0, divisor.scale());
    BigDecimal units = divisor.scaleByPowerOfTen(decimals);
    boolean exact = new BigDecimal(divisor.doubleValue()).compareTo(divisor) == 0;
    if (divisor.signum() <= 0 || !exact || units.compareTo(BigDecimal.valueOf(MAX_DIVISOR)) > 0) {
      throw part.wrong(
          "multipleOf",
          "is "
              + divisor
              + "; above 0, to "
              + MAX_DIVISOR
              + " in units of its last decimal is supported, and exact in binary (as 0.5 is, but"
              + " not 0.1): else readers disagree about what is a multiple");
    }
    return inside(part, () -> Automaton.ofMultiples(units.intValueExact(), decimals, budget));
  }

  /**
   * The tightest of all that are given.
   *
   * @param direction in which bounds get tighter, 1 or −1
   */
  private Optional<Numbers.Bound> bound(String keyword, String strictKeyword, int direction) {
    Numbers.Bound tightest = null;
    for (Part part : parts) {
      for (String each : List.of(keyword, strictKeyword)) {
        Optional<BigDecimal> given = part.number(each);
        if (given.isPresent()) {
          Numbers.Bound next = new Numbers.Bound(given.get(), each.equals(strictKeyword));
          int order = tightest == null ? direction : next.value().compareTo(tightest.value());
          if (order == direction || order == 0 && next.strict()) {
            tightest = next;
          }
        }
      }
    }
    return Optional.ofNullable(tightest);
  }

  /** Whether a number is within bounds and a multiple. */
  boolean acceptsNumber(BigDecimal value) {
    if (onlyIntegers() && value.stripTrailingZeros().scale() > 0) {
      return false;
    }
    Optional<Automaton> numbers = numbers();
    return numbers.isEmpty() || numbers.get().accepts(value.toPlainString());
  }

  boolean acceptsString(String text) {
    int length = text.codePointCount(0, text.length());
    return length >= least("minLength")
        && length <= most("maxLength")
        && stringContents().map(contents -> contents.accepts(text)).orElse(true);
  }
}
