package dev.millrace.template;

import dev.millrace.template.Expression.Comparator;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.Map;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;

/** What stands behind {@code is}. */
final class Tests {
  private static final Map<String, Test> TESTS = new HashMap<>();

  @FunctionalInterface
  private interface Test {
    boolean holds(Value value, Arguments arguments, Interpreter in);
  }

  static {
    plain("defined", value -> !(value instanceof Value.Undefined));
    plain("undefined", value -> value instanceof Value.Undefined);
    plain("none", value -> value instanceof Value.None);
    plain("boolean", value -> value instanceof Value.Bool);
    plain("true", value -> value instanceof Value.Bool bool && bool.value());
    plain("false", value -> value instanceof Value.Bool bool && !bool.value());
    plain("integer", value -> value instanceof Value.Int);
    plain("float", value -> value instanceof Value.Real);
    plain("number", Numbers::isNumber);
    plain("string", value -> value instanceof Text);
    plain("mapping", value -> value instanceof Value.Dict);
    plain("iterable", Types::isIterable);
    plain("sequence", Tests::isSequence);
    plain("callable", value -> value instanceof Value.Callable || value instanceof Value.LoopValue);
    plain("escaped", value -> value instanceof Text text && text.markup());
    plain("lower", value -> isCased(value, TextMethods::lower));
    plain("upper", value -> isCased(value, TextMethods::upper));
    plain("odd", value -> remainder(value, BigInteger.TWO).signum() != 0);
    plain("even", value -> remainder(value, BigInteger.TWO).signum() == 0);
    TESTS.put(
        "divisibleby",
        (value, arguments, in) ->
            remainder(value, integer(arguments.bind("divisibleby", 1, "num").get(0))).signum()
                == 0);
    TESTS.put(
        "sameas",
        (value, arguments, in) -> same(value, arguments.bind("sameas", 1, "other").get(0)));
    plain("filter", value -> value instanceof Text name && Filters.isKnown(name.value()));
    plain("test", value -> value instanceof Text name && isKnown(name.value()));
    compare(Comparator.EQUAL, "eq", "equalto", "==");
    compare(Comparator.NOT_EQUAL, "ne", "!=");
    compare(Comparator.LESS, "lt", "lessthan", "<");
    compare(Comparator.LESS_OR_EQUAL, "le", "<=");
    compare(Comparator.GREATER, "gt", "greaterthan", ">");
    compare(Comparator.GREATER_OR_EQUAL, "ge", ">=");
    compare(Comparator.IN, "in");
  }

  private Tests() {}

  static boolean isKnown(String name) {
    return TESTS.containsKey(name);
  }

  static boolean holds(String name, Value value, Arguments arguments, Interpreter in) {
    Test test = TESTS.get(name);
    if (test == null) {
      throw new TemplateException("the test " + name + " is not supported");
    }
    if (value instanceof Text text) {
      in.budget().read(text.value().length());
    }
    return test.holds(value, arguments, in);
  }

  private static void plain(String name, Predicate<Value> holds) {
    TESTS.put(
        name,
        (value, arguments, in) -> {
          arguments.bind("the test " + name, 0);
          return holds.test(value);
        });
  }

  private static void compare(Comparator comparator, String... names) {
    for (String name : names) {
      TESTS.put(
          name,
          (value, arguments, in) ->
              Operators.compare(
                  comparator,
                  value,
                  arguments.bind("the test " + name, 1, "other").get(0),
                  in.budget()));
    }
  }

  /** What has a length and takes indices: dicts do, their views don't. */
  private static boolean isSequence(Value value) {
    return value instanceof Text
        || value instanceof Value.Dict
        || value instanceof Value.Undefined
        || value instanceof Value.Sequence sequence && sequence.isIndexed();
  }

  /** Unchanged by it, and with a letter that has both cases. */
  private static boolean isCased(Value value, UnaryOperator<String> change) {
    return value instanceof Text text
        && change.apply(text.value()).equals(text.value())
        && !TextMethods.lower(text.value()).equals(TextMethods.upper(text.value()));
  }

  private static BigInteger integer(Value value) {
    BigInteger whole = Numbers.integer(value);
    if (whole == null) {
      throw new TemplateException("a " + Types.name(value) + " is no integer");
    }
    return whole;
  }

  private static BigInteger remainder(Value value, BigInteger divisor) {
    return Numbers.floorDivide(integer(value), divisor)[1];
  }

  @SuppressWarnings("ReferenceEquality") // that is what it asks for
  private static boolean same(Value a, Value b) {
    return a instanceof Value.None && b instanceof Value.None
        || a instanceof Value.Bool x && b instanceof Value.Bool y && x.value() == y.value()
        || a == b;
  }
}
