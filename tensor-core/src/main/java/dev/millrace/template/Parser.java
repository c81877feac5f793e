package dev.millrace.template;

import dev.millrace.template.ExpressionParser.MacroNames;
import dev.millrace.template.Statement.Branch;
import dev.millrace.template.Statement.FilterCall;
import dev.millrace.template.Statement.MacroBody;
import dev.millrace.template.Statement.Parameter;
import dev.millrace.template.Statement.Target;
import dev.millrace.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A template's tags, as statements. */
final class Parser {
  private static final Set<String> RESERVED =
      Set.of("true", "false", "none", "True", "False", "None");

  private final TokenStream tokens;
  private final ExpressionParser expressions;
  private int loops; // around this place, within the same macro

  private Parser(TokenStream tokens) {
    this.tokens = tokens;
    this.expressions = new ExpressionParser(tokens);
  }

  static List<Statement> parse(List<Token> tokens) {
    Parser parser = new Parser(new TokenStream(tokens));
    List<Statement> statements = parser.statements(Set.of());
    parser.expressions.insist(0);
    return statements;
  }

  /**
   * Up to a tag with one of these names, which is left as the current token; without names, to the
   * template's end.
   */
  private List<Statement> statements(Set<String> ends) {
    int begun = tokens.line();
    tokens.enter();
    List<Statement> statements = new ArrayList<>();
    while (true) {
      switch (tokens.current().kind()) {
        case DATA -> statements.add(new Statement.Output(Text.template(tokens.next().text())));
        case VARIABLE_BEGIN -> {
          tokens.next();
          statements.add(new Statement.Print(expressions.tuple(true)));
          tokens.expect(Kind.VARIABLE_END);
        }
        case BLOCK_BEGIN -> {
          tokens.next();
          if (tokens.current().is(Kind.NAME) && ends.contains(tokens.current().text())) {
            tokens.leave();
            return statements;
          }
          statements.add(statement());
          tokens.expect(Kind.BLOCK_END);
        }
        default -> {
          if (!ends.isEmpty()) {
            throw new TemplateException(
                begun, "the block isn't closed; " + String.join(" or ", ends) + " is missing");
          }
          tokens.leave();
          return statements;
        }
      }
    }
  }

  /** The body of a block, and its end tag but for its bracket. */
  private List<Statement> body(String end) {
    tokens.expect(Kind.BLOCK_END);
    int mark = expressions.mark();
    List<Statement> body = statements(Set.of(end));
    tokens.next();
    if (!end.equals("endif")) {
      expressions.insist(mark);
    }
    return body;
  }

  private Statement statement() {
    Token tag = tokens.expect(Kind.NAME);
    return switch (tag.text()) {
      case "if" -> ifStatement();
      case "for" -> forStatement(tag.line());
      case "set" -> set(tag.line());
      case "macro" -> macro(tag.line());
      case "call" -> call(tag.line());
      case "filter" -> new Statement.FilterBlock(filterCalls(true), body("endfilter"));
      case "with" -> with(tag.line());
      case "generation" -> {
        int outside = loops;
        loops = 0;
        List<Statement> body = body("endgeneration");
        loops = outside;
        yield new Statement.Generation(body);
      }
      case "break" -> inLoop(tag, new Statement.Break());
      case "continue" -> inLoop(tag, new Statement.Continue());
      default ->
          throw new TemplateException(
              tag.line(), "the tag " + tag.text() + " is unknown or not supported here");
    };
  }

  private Statement inLoop(Token tag, Statement statement) {
    if (loops == 0) {
      throw new TemplateException(tag.line(), tag.text() + " stands outside of a loop");
    }
    return statement;
  }

  private Statement ifStatement() {
    int mark = expressions.mark();
    List<Branch> branches = new ArrayList<>();
    do {
      Expression condition = expressions.tuple(false);
      tokens.expect(Kind.BLOCK_END);
      branches.add(new Branch(condition, statements(Set.of("elif", "else", "endif"))));
    } while (tokens.skipName("elif"));
    List<Statement> otherwise = tokens.next().isName("else") ? body("endif") : List.of();
    expressions.forgive(mark);
    return new Statement.If(branches, otherwise);
  }

  private Statement forStatement(int line) {
    Target target = target();
    tokens.expectName("in");
    Expression iterable = expressions.tuple(false, () -> tokens.current().isName("recursive"));
    Expression filter = tokens.skipName("if") ? expressions.expression() : null;
    boolean recursive = tokens.skipName("recursive");
    tokens.expect(Kind.BLOCK_END);
    loops++;
    int mark = expressions.mark();
    List<Statement> body = statements(Set.of("endfor", "else"));
    expressions.insist(mark);
    loops--;
    List<Statement> otherwise = tokens.next().isName("else") ? body("endfor") : List.of();
    return new Statement.For(line, target, iterable, filter, recursive, body, otherwise);
  }

  private Statement set(int line) {
    Target target = target();
    if (tokens.skipOperator("=")) {
      return new Statement.Set(line, target, expressions.tuple(true));
    }
    return new Statement.SetBlock(line, target, filterCalls(false), body("endset"));
  }

  private Statement with(int line) {
    List<Statement.Set> variables = new ArrayList<>();
    while (!tokens.current().is(Kind.BLOCK_END)) {
      if (!variables.isEmpty()) {
        tokens.expectOperator(",");
      }
      Target target = new Target.Variable(variable());
      tokens.expectOperator("=");
      variables.add(new Statement.Set(line, target, expressions.expression()));
    }
    return new Statement.With(variables, body("endwith"));
  }

  /**
   * @param first whether the first one comes without a bar
   */
  private List<FilterCall> filterCalls(boolean first) {
    List<FilterCall> calls = new ArrayList<>();
    while (first && calls.isEmpty() || tokens.skipOperator("|")) {
      int line = tokens.line();
      Expression.Filter filter = expressions.filter(new Expression.Constant(line, Text.EMPTY));
      calls.add(new FilterCall(line, filter.name(), filter.arguments()));
    }
    return calls;
  }

  private Statement macro(int line) {
    String name = variable();
    tokens.expectOperator("(");
    List<Parameter> parameters = parameters();
    return new Statement.Macro(line, name, macroBody(parameters, "endmacro"));
  }

  private Statement call(int line) {
    List<Parameter> parameters = tokens.skipOperator("(") ? parameters() : List.of();
    if (!(expressions.expression() instanceof Expression.Call call)) {
      throw new TemplateException(line, "a call block must call something");
    }
    return new Statement.CallBlock(line, call, macroBody(parameters, "endcall"));
  }

  private MacroBody macroBody(List<Parameter> parameters, String end) {
    MacroNames names = expressions.macroNames();
    boolean callerOutside = names.caller;
    boolean varargsOutside = names.varargs;
    boolean kwargsOutside = names.kwargs;
    names.caller = names.varargs = names.kwargs = false;
    int outside = loops;
    loops = 0;
    List<Statement> statements = body(end);
    loops = outside;
    MacroBody body =
        new MacroBody(parameters, statements, names.caller, names.varargs, names.kwargs);
    names.caller |= callerOutside;
    names.varargs |= varargsOutside;
    names.kwargs |= kwargsOutside;
    return body;
  }

  /** Behind the opening parenthesis. */
  private List<Parameter> parameters() {
    List<Parameter> parameters = new ArrayList<>();
    while (!tokens.skipOperator(")")) {
      if (!parameters.isEmpty()) {
        tokens.expectOperator(",");
      }
      String name = variable();
      Expression otherwise = tokens.skipOperator("=") ? expressions.expression() : null;
      checkOrder(parameters, name, otherwise);
      parameters.add(new Parameter(name, otherwise));
    }
    return parameters;
  }

  private void checkOrder(List<Parameter> before, String name, @Nullable Expression otherwise) {
    if (otherwise == null && !before.isEmpty() && before.getLast().otherwise() != null) {
      throw tokens.fail("the parameter " + name + " needs a default, as those before it have");
    }
  }

  /** What is assigned to: a variable, a namespace's member, or several between commas. */
  private Target target() {
    Target first = singleTarget();
    if (!tokens.current().isOperator(",")) {
      return first;
    }
    List<Target> parts = new ArrayList<>(List.of(first));
    while (tokens.skipOperator(",")) {
      if (tokens.current().isName("in") || tokens.current().isOperator("=")) {
        break;
      }
      parts.add(singleTarget());
    }
    return new Target.Unpacked(parts);
  }

  private Target singleTarget() {
    if (tokens.skipOperator("(")) {
      tokens.enter();
      Target inner = target();
      tokens.leave();
      tokens.expectOperator(")");
      return inner;
    }
    String name = variable();
    return tokens.skipOperator(".")
        ? new Target.Member(name, tokens.expect(Kind.NAME).text())
        : new Target.Variable(name);
  }

  private String variable() {
    Token name = tokens.expect(Kind.NAME);
    if (RESERVED.contains(name.text())) {
      throw new TemplateException(name.line(), "can't assign to " + name.text());
    }
    return name.text();
  }
}
