package dev.millrace.template;

import dev.millrace.template.Expression.CallArguments;
import dev.millrace.template.Expression.Comparand;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Expressions' values. */
final class Evaluator {
  private final Interpreter interpreter;

  Evaluator(Interpreter interpreter) {
    this.interpreter = interpreter;
  }

  private Budget budget() {
    return interpreter.budget();
  }

  Value evaluate(Expression expression, Scope scope) {
    budget().step();
    budget().enter();
    interpreter.at(expression.line());
    Value value = evaluateNode(expression, scope);
    budget().leave();
    return value;
  }

  private Value evaluateNode(Expression expression, Scope scope) {
    return switch (expression) {
      case Expression.Constant constant -> constant.value();
      case Expression.Name name -> {
        Value value = scope.find(name.name());
        yield value == null ? new Value.Undefined("'" + name.name() + "' is undefined") : value;
      }
      case Expression.ListLiteral list ->
          new Value.Sequence(Value.Sequence.Kind.LIST, evaluateAll(list.items(), scope));
      case Expression.TupleLiteral tuple ->
          new Value.Sequence(Value.Sequence.Kind.TUPLE, evaluateAll(tuple.items(), scope));
      case Expression.DictLiteral dict -> {
        List<Value.Dict.Entry> entries = new ArrayList<>();
        for (Expression.Member member : dict.members()) {
          entries.add(
              new Value.Dict.Entry(evaluate(member.key(), scope), evaluate(member.value(), scope)));
        }
        yield Types.dict(entries, budget());
      }
      case Expression.Attribute attribute ->
          attribute(located(attribute.of(), attribute, scope), attribute.name());
      case Expression.Item item -> {
        Value of = evaluate(item.of(), scope);
        yield item(of, located(item.index(), item, scope));
      }
      case Expression.Slice slice -> slice(slice, scope);
      case Expression.Call call -> {
        Value callee = evaluate(call.callee(), scope);
        Arguments arguments = arguments(call.arguments(), scope);
        interpreter.at(call.line());
        yield call(callee, arguments);
      }
      case Expression.Filter filter -> {
        Value input = evaluate(filter.input(), scope);
        Arguments arguments = arguments(filter.arguments(), scope);
        interpreter.at(filter.line());
        yield Filters.apply(filter.name(), input, arguments, interpreter);
      }
      case Expression.Test test -> {
        Value input = evaluate(test.input(), scope);
        Arguments arguments = arguments(test.arguments(), scope);
        interpreter.at(test.line());
        yield Value.of(Tests.holds(test.name(), input, arguments, interpreter));
      }
      case Expression.Not not -> Value.of(!Types.truth(evaluate(not.operand(), scope)));
      case Expression.Sign sign -> sign(sign, evaluate(sign.operand(), scope));
      case Expression.Arithmetic arithmetic -> {
        Value left = evaluate(arithmetic.left(), scope);
        Value right = located(arithmetic.right(), arithmetic, scope);
        yield Operators.calculate(arithmetic.operator(), left, right, interpreter);
      }
      case Expression.Comparison comparison -> Value.of(compare(comparison, scope));
      case Expression.Concatenation concatenation -> {
        TextBuilder out = new TextBuilder(budget());
        for (Value part : evaluateAll(concatenation.parts(), scope)) {
          out.append(Printer.str(part, budget()));
        }
        yield out.toText();
      }
      case Expression.And and -> {
        Value left = evaluate(and.left(), scope);
        yield Types.truth(left) ? evaluate(and.right(), scope) : left;
      }
      case Expression.Or or -> {
        Value left = evaluate(or.left(), scope);
        yield Types.truth(left) ? left : evaluate(or.right(), scope);
      }
      case Expression.Conditional conditional -> {
        if (Types.truth(evaluate(conditional.condition(), scope))) {
          yield evaluate(conditional.then(), scope);
        }
        Expression otherwise = conditional.otherwise();
        yield otherwise == null
            ? new Value.Undefined("the condition is false, and there is no else")
            : evaluate(otherwise, scope);
      }
    };
  }

  /** A part's value; then it is the whole that runs. */
  private Value located(Expression part, Expression whole, Scope scope) {
    Value value = evaluate(part, scope);
    interpreter.at(whole.line());
    return value;
  }

  private List<Value> evaluateAll(List<Expression> expressions, Scope scope) {
    budget().make(expressions.size());
    List<Value> values = new ArrayList<>(expressions.size());
    for (Expression expression : expressions) {
      values.add(evaluate(expression, scope));
    }
    return values;
  }

  private boolean compare(Expression.Comparison comparison, Scope scope) {
    Value left = evaluate(comparison.first(), scope);
    for (Comparand other : comparison.others()) {
      Value right = located(other.operand(), comparison, scope);
      if (!Operators.compare(other.comparator(), left, right, budget())) {
        return false;
      }
      left = right;
    }
    return true;
  }

  private static Value sign(Expression.Sign sign, Value operand) {
    if (operand instanceof Value.Undefined undefined) {
      throw new TemplateException(undefined.problem());
    }
    BigInteger whole = Numbers.integer(operand);
    if (whole != null) {
      return new Value.Int(sign.negative() ? whole.negate() : whole);
    }
    double real = Numbers.real(operand);
    return new Value.Real(sign.negative() ? -real : real);
  }

  Arguments arguments(CallArguments given, Scope scope) {
    if (given.equals(CallArguments.NONE)) {
      return Arguments.NONE;
    }
    List<Value> positional = new ArrayList<>(evaluateAll(given.positional(), scope));
    Map<String, Value> named = new LinkedHashMap<>();
    given.named().forEach((name, expression) -> named.put(name, evaluate(expression, scope)));
    if (given.spread() != null) {
      positional.addAll(Types.iterate(evaluate(given.spread(), scope), budget()));
    }
    if (given.spreadNamed() != null) {
      if (!(evaluate(given.spreadNamed(), scope) instanceof Value.Dict dict)) {
        throw new TemplateException("** wants a dict");
      }
      for (Value.Dict.Entry entry : dict.entries().values()) {
        if (!(entry.key() instanceof Text name)
            || named.putIfAbsent(name.value(), entry.value()) != null) {
          throw new TemplateException("** gives a name that is no text, or is given already");
        }
      }
    }
    return new Arguments(positional, named);
  }

  Value call(Value callee, Arguments arguments) {
    return switch (callee) {
      case Value.Callable callable -> callable.function().call(interpreter, arguments);
      case Value.LoopValue loop -> loop.loop().recursion().call(interpreter, arguments);
      case Value.Undefined undefined -> throw new TemplateException(undefined.problem());
      default -> throw new TemplateException("a " + Types.name(callee) + " can't be called");
    };
  }

  /** {@code of.name}: a method first, then a dict's member. */
  Value attribute(Value of, String name) {
    Value member = member(of, name);
    if (member == null && of instanceof Value.Dict dict) {
      member = dict.get(name);
    }
    return member == null ? missing(of, "attribute '" + name + "'") : member;
  }

  /** As {@link #attribute}, without a dict's members. */
  Value ownAttribute(Value of, String name) {
    Value member = member(of, name);
    return member == null ? missing(of, "attribute '" + name + "'") : member;
  }

  /** {@code of[index]}: an item first, then a method or another attribute of that name. */
  Value item(Value of, Value index) {
    if (of instanceof Value.Undefined undefined) {
      throw new TemplateException(undefined.problem());
    }
    BigInteger whole = Numbers.integer(index);
    Value item = null;
    if (of instanceof Value.Dict dict) {
      boolean hashable =
          !(index instanceof Value.Dict
              || index instanceof Value.Sequence sequence
                  && sequence.kind() != Value.Sequence.Kind.TUPLE);
      Value.Dict.Entry entry = hashable ? dict.entries().get(Keys.of(index, budget())) : null;
      item = entry == null ? null : entry.value();
    } else if (whole != null) {
      item = Slices.item(of, Numbers.clamp(whole), budget());
    }
    if (item == null && index instanceof Text name) {
      item = member(of, name.value());
    }
    return item == null ? missing(of, "such item") : item;
  }

  private static Value missing(Value of, String what) {
    return new Value.Undefined("a " + Types.name(of) + " has no " + what);
  }

  private static @Nullable Value member(Value of, String name) {
    return switch (of) {
      case Value.Undefined undefined -> throw new TemplateException(undefined.problem());
      case Value.Namespace namespace -> namespace.members().get(name);
      case Value.LoopValue loop -> loop.loop().attribute(name);
      case Value.Callable callable when name.equals("name") -> Text.template(callable.name());
      default ->
          name.startsWith("__")
              ? new Value.Undefined("the attribute " + name + " is not allowed")
              : Methods.find(of, name);
    };
  }

  private Value slice(Expression.Slice slice, Scope scope) {
    Value of = evaluate(slice.of(), scope);
    BigInteger from = border(slice.from(), scope);
    BigInteger to = border(slice.to(), scope);
    BigInteger step = border(slice.step(), scope);
    interpreter.at(slice.line());
    if (of instanceof Value.Undefined undefined) {
      throw new TemplateException(undefined.problem());
    }
    boolean sliceable =
        of instanceof Text || of instanceof Value.Sequence sequence && sequence.isIndexed();
    return sliceable ? Slices.slice(of, from, to, step, budget()) : missing(of, "slices");
  }

  private @Nullable BigInteger border(@Nullable Expression expression, Scope scope) {
    if (expression == null) {
      return null;
    }
    Value value = evaluate(expression, scope);
    BigInteger whole = Numbers.integer(value);
    if (whole == null && !(value instanceof Value.None)) {
      throw new TemplateException("a slice wants integers, not a " + Types.name(value));
    }
    return whole;
  }
}
