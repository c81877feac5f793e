package dev.millrace.template;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** What has a value. */
sealed interface Expression {
  int line();

  record Constant(int line, Value value) implements Expression {}

  record Name(int line, String name) implements Expression {}

  record ListLiteral(int line, List<Expression> items) implements Expression {}

  record TupleLiteral(int line, List<Expression> items) implements Expression {}

  record DictLiteral(int line, List<Member> members) implements Expression {}

  record Member(Expression key, Expression value) {}

  /** {@code of.name}. */
  record Attribute(int line, Expression of, String name) implements Expression {}

  /** {@code of[index]}. */
  record Item(int line, Expression of, Expression index) implements Expression {}

  /** {@code of[from:to:step]}. */
  record Slice(
      int line,
      Expression of,
      @Nullable Expression from,
      @Nullable Expression to,
      @Nullable Expression step)
      implements Expression {}

  record Call(int line, Expression callee, CallArguments arguments) implements Expression {}

  record Filter(int line, Expression input, String name, CallArguments arguments)
      implements Expression {}

  record Test(int line, Expression input, String name, CallArguments arguments)
      implements Expression {}

  record Not(int line, Expression operand) implements Expression {}

  /** {@code -x}, or {@code +x}. */
  record Sign(int line, boolean negative, Expression operand) implements Expression {}

  record Arithmetic(int line, ArithmeticOperator operator, Expression left, Expression right)
      implements Expression {}

  /** {@code a < b <= c}. */
  record Comparison(int line, Expression first, List<Comparand> others) implements Expression {}

  record Comparand(Comparator comparator, Expression operand) {}

  /** {@code a ~ b ~ c}. */
  record Concatenation(int line, List<Expression> parts) implements Expression {}

  record And(int line, Expression left, Expression right) implements Expression {}

  record Or(int line, Expression left, Expression right) implements Expression {}

  /** {@code then if condition else otherwise}. */
  record Conditional(
      int line, Expression condition, Expression then, @Nullable Expression otherwise)
      implements Expression {}

  /**
   * @param spread {@code *list}
   * @param spreadNamed {@code **dict}
   */
  record CallArguments(
      List<Expression> positional,
      Map<String, Expression> named,
      @Nullable Expression spread,
      @Nullable Expression spreadNamed) {
    static final CallArguments NONE = new CallArguments(List.of(), Map.of(), null, null);
  }

  enum ArithmeticOperator {
    ADD("+"),
    SUBTRACT("-"),
    MULTIPLY("*"),
    DIVIDE("/"),
    FLOOR_DIVIDE("//"),
    MODULO("%"),
    POWER("**");

    final String symbol;

    ArithmeticOperator(String symbol) {
      this.symbol = symbol;
    }
  }

  enum Comparator {
    EQUAL("=="),
    NOT_EQUAL("!="),
    LESS("<"),
    LESS_OR_EQUAL("<="),
    GREATER(">"),
    GREATER_OR_EQUAL(">="),
    IN("in"),
    NOT_IN("not in");

    final String symbol;

    Comparator(String symbol) {
      this.symbol = symbol;
    }
  }
}
