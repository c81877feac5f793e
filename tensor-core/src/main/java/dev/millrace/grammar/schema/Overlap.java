package dev.millrace.grammar.schema;

import dev.millrace.grammar.automaton.Budget;
import dev.millrace.json.JsonValue;
import java.math.BigDecimal;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Whether two schemas plainly can't hold together: by type, by enum and const, or by a member that
 * both require and that can't obey both. It may miss some that can't; then they are made to exclude
 * each other.
 */
final class Overlap implements Expander.Disjointness {
  /** How deep members of members are looked at. */
  private static final int MAX_DEPTH = 4;

  private final Budget budget;
  private final Expander expander;

  Overlap(References references, Budget budget) {
    this.budget = budget;
    // Here a oneOf is as good as an anyOf: what can't hold with that can't hold with less.
    this.expander = new Expander(references, (one, other) -> true, budget);
  }

  @Override
  public boolean areDisjoint(Part one, Part other) {
    Set<Part> both = new LinkedHashSet<>(List.of(one, other));
    return isImpossible(both, 0);
  }

  private boolean isImpossible(Set<Part> schemas, int depth) {
    return expander.expand(schemas).stream().allMatch(way -> isImpossible(way, depth));
  }

  private boolean isImpossible(Conjunction way, int depth) {
    budget.spend(10);
    Set<Conjunction.ValueType> types = EnumSet.copyOf(way.types());
    Optional<List<JsonValue>> values = way.values();
    if (types.isEmpty() || values.filter(each -> !couldBe(way, each)).isPresent()) {
      return true;
    }
    return types.equals(EnumSet.of(Conjunction.ValueType.OBJECT)) && hasImpossibleMember(way, depth)
        || types.equals(EnumSet.of(Conjunction.ValueType.STRING)) && hasNoString(way)
        || types.equals(EnumSet.of(Conjunction.ValueType.NUMBER)) && hasNoNumber(way);
  }

  private static boolean couldBe(Conjunction way, List<JsonValue> values) {
    return values.stream()
        .anyMatch(
            value ->
                way.types().stream().anyMatch(type -> type.name().equalsIgnoreCase(value.type()))
                    && (!(value instanceof JsonValue.Decimal number)
                        || accepts(way, number.value()))
                    && (!(value instanceof JsonValue.Text text)
                        || way.acceptsString(text.value())));
  }

  private static boolean accepts(Conjunction way, BigDecimal number) {
    return way.acceptsNumber(number);
  }

  private boolean hasImpossibleMember(Conjunction way, int depth) {
    if (depth == MAX_DEPTH) {
      return false;
    }
    Members members = new Members(way, budget);
    return members.requiredNames().stream()
        .anyMatch(name -> isImpossible(members.schemas(name), depth + 1));
  }

  private static boolean hasNoString(Conjunction way) {
    return way.least("minLength") > way.most("maxLength")
        || way.stringContents().filter(contents -> contents.isEmpty()).isPresent();
  }

  private static boolean hasNoNumber(Conjunction way) {
    return way.numbers().filter(numbers -> numbers.isEmpty()).isPresent();
  }
}
