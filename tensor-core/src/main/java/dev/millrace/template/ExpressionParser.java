package dev.millrace.template;

import dev.millrace.template.Expression.And;
import dev.millrace.template.Expression.Arithmetic;
import dev.millrace.template.Expression.ArithmeticOperator;
import dev.millrace.template.Expression.Attribute;
import dev.millrace.template.Expression.Call;
import dev.millrace.template.Expression.CallArguments;
import dev.millrace.template.Expression.Comparand;
import dev.millrace.template.Expression.Comparator;
import dev.millrace.template.Expression.Comparison;
import dev.millrace.template.Expression.Concatenation;
import dev.millrace.template.Expression.Conditional;
import dev.millrace.template.Expression.Constant;
import dev.millrace.template.Expression.DictLiteral;
import dev.millrace.template.Expression.Filter;
import dev.millrace.template.Expression.Item;
import dev.millrace.template.Expression.ListLiteral;
import dev.millrace.template.Expression.Member;
import dev.millrace.template.Expression.Name;
import dev.millrace.template.Expression.Not;
import dev.millrace.template.Expression.Or;
import dev.millrace.template.Expression.Sign;
import dev.millrace.template.Expression.Slice;
import dev.millrace.template.Expression.Test;
import dev.millrace.template.Expression.TupleLiteral;
import dev.millrace.template.Token.Kind;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Expressions, by Jinja's grammar: a method for each precedence, the loosest first.
 *
 * <p>Names of filters, tests and methods are checked here, so that a template that can't work is
 * refused before it is used: what Jinja has and we don't, wherever it stands. Filters and tests
 * that Jinja doesn't know either may stand under a condition, as there: templates ask first what
 * they are run by. Where the condition holds, such a name fails then.
 */
final class ExpressionParser {
  /** Operators of one chain, like {@code a + b + c}: each is a level of the tree. */
  private static final int MAX_CHAIN = 100;

  private static final Set<Kind> TEST_ARGUMENT =
      EnumSet.of(Kind.NAME, Kind.STRING, Kind.INTEGER, Kind.FLOAT);

  private static final Map<String, Comparator> COMPARATORS =
      Map.of(
          "==", Comparator.EQUAL,
          "!=", Comparator.NOT_EQUAL,
          "<", Comparator.LESS,
          "<=", Comparator.LESS_OR_EQUAL,
          ">", Comparator.GREATER,
          ">=", Comparator.GREATER_OR_EQUAL);

  private final TokenStream tokens;
  private final MacroNames macroNames = new MacroNames();
  private final List<TemplateException> unknown = new ArrayList<>(); // and not forgiven

  ExpressionParser(TokenStream tokens) {
    this.tokens = tokens;
  }

  /** Which of a macro's own names have been used since they were last taken. */
  static final class MacroNames {
    boolean caller;
    boolean varargs;
    boolean kwargs;

    void saw(String name) {
      caller |= name.equals("caller");
      varargs |= name.equals("varargs");
      kwargs |= name.equals("kwargs");
    }
  }

  MacroNames macroNames() {
    return macroNames;
  }

  /** A place in the source, for {@link #forgive} and {@link #insist}. */
  int mark() {
    return unknown.size();
  }

  /** What is unknown since the mark stands under a condition. */
  void forgive(int mark) {
    unknown.subList(mark, unknown.size()).clear();
  }

  /**
   * @throws TemplateException if something is unknown since the mark
   */
  void insist(int mark) {
    if (unknown.size() > mark) {
      throw unknown.get(mark);
    }
  }

  private void checkFilter(int line, String name) {
    if (Filters.isUnsupported(name)) {
      throw unsupported(line, "filter", name);
    }
    if (!Filters.isKnown(name)) {
      unknown.add(unsupported(line, "filter", name));
    }
  }

  private void checkTest(int line, String name) {
    if (!Tests.isKnown(name)) {
      unknown.add(unsupported(line, "test", name));
    }
  }

  private static TemplateException unsupported(int line, String kind, String name) {
    return new TemplateException(line, "the " + kind + " " + name + " is not supported");
  }

  Expression expression() {
    return expression(true);
  }

  private Expression expression(boolean withConditional) {
    tokens.enter();
    Expression parsed = withConditional ? conditional() : or();
    tokens.leave();
    return parsed;
  }

  /** An expression, or several between commas: a tuple. */
  Expression tuple(boolean withConditional) {
    return tuple(withConditional, () -> false);
  }

  /**
   * @param ends whether a token ends it that could also go on, as {@code recursive} could
   */
  Expression tuple(boolean withConditional, BooleanSupplier ends) {
    int line = tokens.line();
    Expression first = expression(withConditional);
    if (!tokens.current().isOperator(",")) {
      return first;
    }
    List<Expression> items = new ArrayList<>(List.of(first));
    while (tokens.skipOperator(",") && !endsTuple() && !ends.getAsBoolean()) {
      items.add(expression(withConditional));
    }
    return new TupleLiteral(line, items);
  }

  private boolean endsTuple() {
    Token token = tokens.current();
    return token.is(Kind.VARIABLE_END) || token.is(Kind.BLOCK_END) || token.isOperator(")");
  }

  private Expression conditional() {
    int line = tokens.line();
    int mark = mark();
    Expression parsed = or();
    for (int links = 0; tokens.skipName("if"); checkChain(++links)) {
      Expression condition = or();
      Expression otherwise = null;
      if (tokens.skipName("else")) {
        tokens.enter();
        otherwise = conditional();
        tokens.leave();
      }
      parsed = new Conditional(line, condition, parsed, otherwise);
      forgive(mark);
    }
    return parsed;
  }

  private void checkChain(int links) {
    if (links > MAX_CHAIN) {
      throw tokens.fail("an expression with more than " + MAX_CHAIN + " operators in a row");
    }
  }

  private Expression or() {
    int line = tokens.line();
    Expression parsed = and();
    for (int links = 0; tokens.skipName("or"); checkChain(++links)) {
      parsed = new Or(line, parsed, and());
    }
    return parsed;
  }

  private Expression and() {
    int line = tokens.line();
    Expression parsed = not();
    for (int links = 0; tokens.skipName("and"); checkChain(++links)) {
      parsed = new And(line, parsed, not());
    }
    return parsed;
  }

  private Expression not() {
    int line = tokens.line();
    if (!tokens.skipName("not")) {
      return comparison();
    }
    tokens.enter();
    Expression operand = not();
    tokens.leave();
    return new Not(line, operand);
  }

  private Expression comparison() {
    int line = tokens.line();
    Expression first = sum();
    List<Comparand> others = new ArrayList<>();
    for (Comparator comparator = comparator(); comparator != null; comparator = comparator()) {
      others.add(new Comparand(comparator, sum()));
    }
    return others.isEmpty() ? first : new Comparison(line, first, others);
  }

  private @Nullable Comparator comparator() {
    Token token = tokens.current();
    if (token.is(Kind.OPERATOR) && COMPARATORS.containsKey(token.text())) {
      return COMPARATORS.get(tokens.next().text());
    }
    if (tokens.skipName("in")) {
      return Comparator.IN;
    }
    if (token.isName("not") && tokens.look().isName("in")) {
      tokens.next();
      tokens.next();
      return Comparator.NOT_IN;
    }
    return null;
  }

  private @Nullable ArithmeticOperator operator(ArithmeticOperator... allowed) {
    for (ArithmeticOperator operator : allowed) {
      if (tokens.skipOperator(operator.symbol)) {
        return operator;
      }
    }
    return null;
  }

  private Expression sum() {
    int line = tokens.line();
    Expression parsed = concatenation();
    for (int links = 0; ; checkChain(++links)) {
      ArithmeticOperator operator = operator(ArithmeticOperator.ADD, ArithmeticOperator.SUBTRACT);
      if (operator == null) {
        return parsed;
      }
      parsed = new Arithmetic(line, operator, parsed, concatenation());
    }
  }

  private Expression concatenation() {
    int line = tokens.line();
    Expression first = product();
    if (!tokens.current().isOperator("~")) {
      return first;
    }
    List<Expression> parts = new ArrayList<>(List.of(first));
    while (tokens.skipOperator("~")) {
      parts.add(product());
    }
    return new Concatenation(line, parts);
  }

  private Expression product() {
    int line = tokens.line();
    Expression parsed = power();
    for (int links = 0; ; checkChain(++links)) {
      ArithmeticOperator operator =
          operator(
              ArithmeticOperator.MULTIPLY,
              ArithmeticOperator.DIVIDE,
              ArithmeticOperator.FLOOR_DIVIDE,
              ArithmeticOperator.MODULO);
      if (operator == null) {
        return parsed;
      }
      parsed = new Arithmetic(line, operator, parsed, power());
    }
  }

  private Expression power() {
    int line = tokens.line();
    Expression parsed = unary(true);
    for (int links = 0; tokens.skipOperator("**"); checkChain(++links)) {
      parsed = new Arithmetic(line, ArithmeticOperator.POWER, parsed, unary(true));
    }
    return parsed;
  }

  private Expression unary(boolean withFilters) {
    int line = tokens.line();
    Expression parsed;
    boolean negative = tokens.current().isOperator("-");
    if (negative || tokens.current().isOperator("+")) {
      tokens.next();
      tokens.enter();
      parsed = new Sign(line, negative, unary(false));
      tokens.leave();
    } else {
      parsed = primary();
    }
    parsed = postfixes(parsed);
    return withFilters ? filters(parsed) : parsed;
  }

  private Expression primary() {
    Token token = tokens.next();
    int line = token.line();
    return switch (token.kind()) {
      case NAME -> name(token);
      case STRING -> {
        StringBuilder text = new StringBuilder(token.text());
        while (tokens.current().is(Kind.STRING)) {
          text.append(tokens.next().text());
        }
        yield new Constant(line, Text.template(text.toString()));
      }
      case INTEGER -> new Constant(line, integer(token));
      case FLOAT -> new Constant(line, new Value.Real(Double.parseDouble(token.text())));
      default ->
          switch (token.text()) {
            case "(" -> parenthesized(line);
            case "[" -> new ListLiteral(line, items("]"));
            case "{" -> dict(line);
            default ->
                throw new TemplateException(
                    line, "expected an expression, found " + token.describe());
          };
    };
  }

  private Expression name(Token token) {
    return switch (token.text()) {
      case "true", "True" -> new Constant(token.line(), Value.TRUE);
      case "false", "False" -> new Constant(token.line(), Value.FALSE);
      case "none", "None" -> new Constant(token.line(), Value.NONE);
      case "lipsum", "cycler", "joiner" ->
          throw new TemplateException(
              token.line(), "the global " + token.text() + " is not supported");
      default -> {
        macroNames.saw(token.text());
        yield new Name(token.line(), token.text());
      }
    };
  }

  private Value integer(Token token) {
    String text = token.text();
    if (text.length() > Numbers.MAX_DIGITS) {
      throw new TemplateException(
          token.line(), "an integer of more than " + Numbers.MAX_DIGITS + " digits");
    }
    int radix =
        switch (text.length() > 1 ? text.charAt(1) | 0x20 : 0) {
          case 'x' -> 16;
          case 'o' -> 8;
          case 'b' -> 2;
          default -> 10;
        };
    try {
      return new Value.Int(new BigInteger(radix == 10 ? text : text.substring(2), radix));
    } catch (NumberFormatException e) {
      throw new TemplateException(token.line(), "'" + text + "' is no integer");
    }
  }

  private Expression parenthesized(int line) {
    if (tokens.skipOperator(")")) {
      return new TupleLiteral(line, List.of());
    }
    Expression parsed = tuple(true);
    tokens.expectOperator(")");
    return parsed;
  }

  /** Expressions between commas, up to a bracket. */
  private List<Expression> items(String close) {
    List<Expression> items = new ArrayList<>();
    while (!tokens.skipOperator(close)) {
      if (!items.isEmpty()) {
        tokens.expectOperator(",");
        if (tokens.skipOperator(close)) {
          break;
        }
      }
      items.add(expression());
    }
    return items;
  }

  private Expression dict(int line) {
    List<Member> members = new ArrayList<>();
    while (!tokens.skipOperator("}")) {
      if (!members.isEmpty()) {
        tokens.expectOperator(",");
        if (tokens.skipOperator("}")) {
          break;
        }
      }
      Expression key = expression();
      tokens.expectOperator(":");
      members.add(new Member(key, expression()));
    }
    return new DictLiteral(line, members);
  }

  private Expression postfixes(Expression of) {
    Expression parsed = of;
    for (int links = 0; ; checkChain(++links)) {
      int line = tokens.line();
      if (tokens.skipOperator(".")) {
        parsed = dotted(line, parsed);
      } else if (tokens.skipOperator("[")) {
        parsed = subscript(line, parsed);
      } else if (tokens.skipOperator("(")) {
        parsed = call(line, parsed);
      } else {
        return parsed;
      }
    }
  }

  private Expression dotted(int line, Expression of) {
    Token name = tokens.next();
    return switch (name.kind()) {
      case NAME -> new Attribute(line, of, name.text());
      case INTEGER -> new Item(line, of, new Constant(line, integer(name)));
      default ->
          throw new TemplateException(line, "expected a name behind '.', found " + name.describe());
    };
  }

  private Expression subscript(int line, Expression of) {
    List<Expression> indices = new ArrayList<>();
    do {
      Expression from = atSliceBorder() ? null : expression();
      if (!tokens.skipOperator(":")) {
        if (from == null) {
          throw tokens.unexpected("an index");
        }
        indices.add(from);
      } else {
        Expression to = atSliceBorder() ? null : expression();
        Expression step = tokens.skipOperator(":") && !atSliceBorder() ? expression() : null;
        tokens.expectOperator("]");
        if (!indices.isEmpty()) {
          throw new TemplateException(line, "a slice among several indices is not supported");
        }
        return new Slice(line, of, from, to, step);
      }
    } while (tokens.skipOperator(","));
    tokens.expectOperator("]");
    Expression index = indices.size() == 1 ? indices.getFirst() : new TupleLiteral(line, indices);
    return new Item(line, of, index);
  }

  private boolean atSliceBorder() {
    Token token = tokens.current();
    return token.isOperator(":") || token.isOperator("]") || token.isOperator(",");
  }

  private Expression call(int line, Expression callee) {
    if (callee instanceof Attribute method && Methods.isUnsupported(method.name())) {
      throw unsupported(line, "method", method.name());
    }
    return new Call(line, callee, arguments());
  }

  /** Behind the opening parenthesis. */
  private CallArguments arguments() {
    List<Expression> positional = new ArrayList<>();
    Map<String, Expression> named = new LinkedHashMap<>();
    Expression spread = null;
    Expression spreadNamed = null;
    boolean first = true;
    while (!tokens.skipOperator(")")) {
      if (!first) {
        tokens.expectOperator(",");
        if (tokens.skipOperator(")")) {
          break;
        }
      }
      first = false;
      if (tokens.skipOperator("*")) {
        spread = once(spread, "*");
      } else if (tokens.skipOperator("**")) {
        spreadNamed = once(spreadNamed, "**");
      } else if (tokens.current().is(Kind.NAME) && tokens.look().isOperator("=")) {
        String name = tokens.next().text();
        tokens.next();
        if (named.put(name, expression()) != null) {
          throw tokens.fail("the argument " + name + " is given twice");
        }
      } else if (named.isEmpty() && spread == null && spreadNamed == null) {
        positional.add(expression());
      } else {
        throw tokens.fail("a positional argument behind named ones");
      }
    }
    return new CallArguments(positional, named, spread, spreadNamed);
  }

  private Expression once(@Nullable Expression before, String stars) {
    if (before != null) {
      throw tokens.fail("a second " + stars + " among the arguments");
    }
    return expression();
  }

  private Expression filters(Expression input) {
    Expression parsed = input;
    for (int links = 0; ; checkChain(++links)) {
      int line = tokens.line();
      if (tokens.skipOperator("|")) {
        parsed = filter(parsed);
      } else if (tokens.skipName("is")) {
        parsed = test(line, parsed);
      } else if (tokens.skipOperator("(")) {
        parsed = call(line, parsed);
      } else {
        return parsed;
      }
    }
  }

  /** Behind the bar. */
  Filter filter(Expression input) {
    int line = tokens.line();
    String name = tokens.expect(Kind.NAME).text();
    checkFilter(line, name);
    CallArguments arguments = tokens.skipOperator("(") ? arguments() : CallArguments.NONE;
    if (Filters.takesName(name)) {
      checkNamed(line, name, arguments);
    }
    return new Filter(line, input, name, arguments);
  }

  /** What {@code map}, {@code select} and their kin name in a literal. */
  private void checkNamed(int line, String filter, CallArguments arguments) {
    int index = filter.endsWith("attr") ? 1 : 0;
    if (index < arguments.positional().size()
        && arguments.positional().get(index) instanceof Constant constant
        && constant.value() instanceof Text name) {
      if (filter.equals("map")) {
        checkFilter(line, name.value());
      } else {
        checkTest(line, name.value());
      }
    }
  }

  private Expression test(int line, Expression input) {
    boolean negated = tokens.skipName("not");
    String name = tokens.expect(Kind.NAME).text();
    checkTest(line, name);
    CallArguments arguments = CallArguments.NONE;
    Token token = tokens.current();
    if (tokens.skipOperator("(")) {
      arguments = arguments();
    } else if (beginsTestArgument(token)) {
      if (token.isName("is")) {
        throw tokens.fail("tests can't be chained with 'is'");
      }
      Expression argument = postfixes(primary());
      arguments = new CallArguments(List.of(argument), Map.of(), null, null);
    }
    Expression test = new Test(line, input, name, arguments);
    return negated ? new Not(line, test) : test;
  }

  private static boolean beginsTestArgument(Token token) {
    if (token.isOperator("[") || token.isOperator("{")) {
      return true;
    }
    return TEST_ARGUMENT.contains(token.kind())
        && !(token.isName("else") || token.isName("or") || token.isName("and"));
  }
}
