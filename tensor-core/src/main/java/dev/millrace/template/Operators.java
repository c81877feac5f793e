package dev.millrace.template;

import dev.millrace.template.Expression.ArithmeticOperator;
import dev.millrace.template.Expression.Comparator;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/** What operators do, by the types that they meet. */
final class Operators {
  private Operators() {}

  static Value calculate(
      ArithmeticOperator operator, Value left, Value right, Interpreter interpreter) {
    Budget budget = interpreter.budget();
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      return Numbers.calculate(operator, left, right);
    }
    requireDefined(left);
    if (operator == ArithmeticOperator.MODULO && left instanceof Text format) {
      return PercentFormat.format(format, right, budget);
    }
    requireDefined(right);
    if (operator == ArithmeticOperator.ADD) {
      if (left instanceof Text a && right instanceof Text b) {
        return add(a, b, budget);
      }
      if (left instanceof Value.Sequence a
          && right instanceof Value.Sequence b
          && a.kind() == b.kind()
          && (a.kind() == Value.Sequence.Kind.LIST || a.kind() == Value.Sequence.Kind.TUPLE)) {
        budget.make((long) a.items().size() + b.items().size());
        List<Value> items = new ArrayList<>(a.items());
        items.addAll(b.items());
        return new Value.Sequence(a.kind(), items);
      }
    }
    if (operator == ArithmeticOperator.MULTIPLY) {
      BigInteger times = Numbers.integer(right);
      Value repeated = times == null ? right : left;
      times = times == null ? Numbers.integer(left) : times;
      if (times != null && (repeated instanceof Text || repeated instanceof Value.Sequence)) {
        return repeat(repeated, Math.max(0, Numbers.clamp(times)), budget);
      }
    }
    throw new TemplateException(
        "%s doesn't take %s and %s"
            .formatted(operator.symbol, Types.name(left), Types.name(right)));
  }

  private static void requireDefined(Value value) {
    if (value instanceof Value.Undefined undefined) {
      throw new TemplateException(undefined.problem());
    }
  }

  static Text add(Text a, Text b, Budget budget) {
    boolean markup = a.markup() || b.markup();
    Text sum =
        new TextBuilder(budget)
            .append(markup && !a.markup() ? Filters.escape(a, budget) : a)
            .append(markup && !b.markup() ? Filters.escape(b, budget) : b)
            .toText();
    return markup ? sum.asMarkup() : sum;
  }

  private static Value repeat(Value value, int times, Budget budget) {
    if (value instanceof Text text) {
      TextBuilder builder = new TextBuilder(budget); // which counts, and ends what is too much
      for (int i = 0; i < times && !text.isEmpty(); i++) {
        builder.append(text);
      }
      return builder.toText();
    }
    Value.Sequence sequence = (Value.Sequence) value;
    if (!(sequence.kind() == Value.Sequence.Kind.LIST
        || sequence.kind() == Value.Sequence.Kind.TUPLE)) {
      throw new TemplateException("a " + Types.name(value) + " can't be repeated");
    }
    budget.make((long) sequence.items().size() * times);
    List<Value> items = new ArrayList<>();
    for (int i = 0; i < times && !sequence.items().isEmpty(); i++) {
      items.addAll(sequence.items());
    }
    return new Value.Sequence(sequence.kind(), items);
  }

  static boolean compare(Comparator comparator, Value left, Value right, Budget budget) {
    return switch (comparator) {
      case EQUAL -> equal(left, right, budget);
      case NOT_EQUAL -> !equal(left, right, budget);
      case IN -> contains(right, left, budget);
      case NOT_IN -> !contains(right, left, budget);
      case LESS, LESS_OR_EQUAL, GREATER, GREATER_OR_EQUAL -> {
        if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
          Integer order = Numbers.compare(left, right);
          yield order != null && holds(comparator, order);
        }
        yield holds(comparator, order(left, right, comparator.symbol, budget));
      }
    };
  }

  private static boolean holds(Comparator comparator, int order) {
    return switch (comparator) {
      case LESS -> order < 0;
      case LESS_OR_EQUAL -> order <= 0;
      case GREATER -> order > 0;
      default -> order >= 0;
    };
  }

  /** Which comes first; NaN comes last. */
  static int order(Value left, Value right, String symbol, Budget budget) {
    budget.step();
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      Integer order = Numbers.compare(left, right);
      return order == null ? Boolean.compare(Numbers.isNan(left), Numbers.isNan(right)) : order;
    }
    requireDefined(left);
    requireDefined(right);
    if (left instanceof Text a && right instanceof Text b) {
      budget.read(common(a, b));
      return compareCodePoints(a.value(), b.value());
    }
    if (left instanceof Value.Sequence a
        && right instanceof Value.Sequence b
        && a.kind() == b.kind()
        && a.isIndexed()
        && a.kind() != Value.Sequence.Kind.RANGE) {
      budget.enter();
      int common = Math.min(a.items().size(), b.items().size());
      int order = Integer.compare(a.items().size(), b.items().size());
      for (int i = 0; i < common; i++) {
        if (!equal(a.items().get(i), b.items().get(i), budget)) {
          order = order(a.items().get(i), b.items().get(i), symbol, budget);
          break;
        }
      }
      budget.leave();
      return order;
    }
    throw new TemplateException(
        "%s doesn't compare %s and %s".formatted(symbol, Types.name(left), Types.name(right)));
  }

  /** As far as two texts are compared at most. */
  static int common(Text a, Text b) {
    return Math.min(a.value().length(), b.value().length());
  }

  /** UTF-16's order differs from it above U+D7FF. */
  private static int compareCodePoints(String a, String b) {
    int common = Math.min(a.length(), b.length());
    for (int i = 0; i < common; i++) {
      char x = a.charAt(i);
      char y = b.charAt(i);
      if (x != y) {
        boolean surrogates = Character.isSurrogate(x) != Character.isSurrogate(y);
        return surrogates ? (Character.isSurrogate(x) ? 1 : -1) : Character.compare(x, y);
      }
    }
    return Integer.compare(a.length(), b.length());
  }

  @SuppressWarnings("ReferenceEquality") // namespaces, functions and generators are themselves
  static boolean equal(Value left, Value right, Budget budget) {
    budget.step();
    if (Numbers.isNumber(left) && Numbers.isNumber(right)) {
      Integer order = Numbers.compare(left, right);
      return order != null && order == 0;
    }
    return switch (left) {
      case Text text -> {
        budget.read(right instanceof Text other ? common(text, other) : 0);
        yield text.equals(right);
      }
      case Value.None _ -> right instanceof Value.None;
      case Value.Undefined _ -> right instanceof Value.Undefined;
      case Value.Sequence a when right instanceof Value.Sequence b ->
          a.kind() == b.kind() && equalItems(a.items(), b.items(), budget);
      case Value.Dict a when right instanceof Value.Dict b -> equalEntries(a, b, budget);
      default -> left == right;
    };
  }

  private static boolean equalItems(List<Value> a, List<Value> b, Budget budget) {
    if (a.size() != b.size()) {
      return false;
    }
    budget.enter();
    boolean equal = true;
    for (int i = 0; equal && i < a.size(); i++) {
      equal = equal(a.get(i), b.get(i), budget);
    }
    budget.leave();
    return equal;
  }

  private static boolean equalEntries(Value.Dict a, Value.Dict b, Budget budget) {
    if (a.entries().size() != b.entries().size()) {
      return false;
    }
    budget.enter();
    boolean equal = true;
    for (var entry : a.entries().entrySet()) {
      Value.Dict.Entry other = b.entries().get(entry.getKey());
      equal &= other != null && equal(entry.getValue().value(), other.value(), budget);
      if (!equal) {
        break;
      }
    }
    budget.leave();
    return equal;
  }

  static boolean contains(Value container, Value value, Budget budget) {
    return switch (container) {
      case Text text -> {
        if (!(value instanceof Text part)) {
          throw new TemplateException("a str can't contain a " + Types.name(value));
        }
        yield Search.indexOf(text.value(), part.value(), 0, budget) >= 0;
      }
      case Value.Dict dict -> dict.entries().containsKey(Keys.of(value, budget));
      default ->
          Types.iterate(container, budget).stream().anyMatch(item -> equal(item, value, budget));
    };
  }
}
