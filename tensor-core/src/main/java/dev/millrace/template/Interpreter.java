package dev.millrace.template;

import dev.millrace.template.Statement.FilterCall;
import dev.millrace.template.Statement.MacroBody;
import dev.millrace.template.Statement.Parameter;
import dev.millrace.template.Statement.Target;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Runs a template's statements once. Scopes are as in Jinja: for, macro, call, filter, with and
 * blocks of set have one of their own, if has none.
 */
final class Interpreter {
  private final Budget budget = new Budget();
  private final Evaluator evaluator = new Evaluator(this);
  private final Scope variables;
  private int line = 1; // of what runs, for messages
  private TextBuilder out = new TextBuilder(budget);

  /** How a list of statements ended. */
  private enum Flow {
    NORMAL,
    BREAK,
    CONTINUE
  }

  Interpreter(Scope variables) {
    this.variables = variables;
  }

  Budget budget() {
    return budget;
  }

  Evaluator evaluator() {
    return evaluator;
  }

  void at(int here) {
    line = here;
  }

  Text run(List<Statement> statements) {
    try {
      run(statements, new Scope(variables));
      return out.toText();
    } catch (TemplateException e) {
      throw e.at(line);
    }
  }

  private Flow run(List<Statement> statements, Scope scope) {
    budget.enter();
    for (Statement statement : statements) {
      budget.step();
      Flow flow = run(statement, scope);
      if (flow != Flow.NORMAL) {
        budget.leave();
        return flow;
      }
    }
    budget.leave();
    return Flow.NORMAL;
  }

  private Flow run(Statement statement, Scope scope) {
    switch (statement) {
      case Statement.Output output -> out.append(output.text());
      case Statement.Print print ->
          out.append(Printer.str(evaluator.evaluate(print.expression(), scope), budget));
      case Statement.If branches -> {
        return runIf(branches, scope);
      }
      case Statement.For loop -> runFor(loop, scope, 0, null);
      case Statement.Break _ -> {
        return Flow.BREAK;
      }
      case Statement.Continue _ -> {
        return Flow.CONTINUE;
      }
      case Statement.Set set -> {
        Value value = evaluator.evaluate(set.value(), scope);
        at(set.line());
        assign(set.target(), value, scope);
      }
      case Statement.SetBlock set -> {
        Text text = capture(set.body(), new Scope(scope));
        Value value = filtered(text, set.filters(), scope);
        at(set.line());
        assign(set.target(), value, scope);
      }
      case Statement.FilterBlock block -> {
        Scope inner = new Scope(scope);
        Value text = filtered(capture(block.body(), inner), block.filters(), inner);
        out.append(Printer.str(text, budget));
      }
      case Statement.With with -> {
        Scope inner = new Scope(scope);
        for (Statement.Set variable : with.variables()) {
          assign(variable.target(), evaluator.evaluate(variable.value(), scope), inner);
        }
        run(with.body(), inner);
      }
      case Statement.Macro macro ->
          scope.set(macro.name(), macro(macro.name(), macro.body(), scope));
      case Statement.CallBlock call -> runCall(call, scope);
      case Statement.Generation generation -> run(generation.body(), new Scope(scope));
    }
    return Flow.NORMAL;
  }

  private Flow runIf(Statement.If branches, Scope scope) {
    for (Statement.Branch branch : branches.branches()) {
      if (Types.truth(evaluator.evaluate(branch.condition(), scope))) {
        return run(branch.body(), scope);
      }
    }
    return run(branches.otherwise(), scope);
  }

  /**
   * @param items for a recursion; null evaluates the loop's own iterable
   */
  private void runFor(Statement.For statement, Scope scope, int depth, @Nullable Value items) {
    Value iterable = items == null ? evaluator.evaluate(statement.iterable(), scope) : items;
    at(statement.line());
    List<Value> all = select(statement, Types.iterate(iterable, budget), scope);
    Value recurse =
        statement.recursive()
            ? new Value.Callable(
                "loop",
                (in, arguments) -> {
                  Value inner = arguments.bind("loop", 1, "iterable").get(0);
                  return captured(() -> runFor(statement, scope, depth + 1, inner));
                })
            : null;
    Loop loop = new Loop(all, depth, recurse);
    for (Value item : all) {
      budget.step();
      loop.next();
      Scope inner = new Scope(scope);
      inner.set("loop", new Value.LoopValue(loop));
      assign(statement.target(), item, inner);
      if (run(statement.body(), inner) == Flow.BREAK) {
        break;
      }
    }
    if (all.isEmpty()) {
      run(statement.otherwise(), new Scope(scope));
    }
  }

  private List<Value> select(Statement.For statement, List<Value> items, Scope scope) {
    Expression filter = statement.filter();
    if (filter == null) {
      return items;
    }
    List<Value> selected = new ArrayList<>();
    for (Value item : items) {
      Scope inner = new Scope(scope);
      assign(statement.target(), item, inner);
      if (Types.truth(evaluator.evaluate(filter, inner))) {
        selected.add(item);
      }
    }
    return selected;
  }

  private void assign(Target target, Value value, Scope scope) {
    switch (target) {
      case Target.Variable variable -> scope.set(variable.name(), value);
      case Target.Member member -> {
        if (!(scope.find(member.namespace()) instanceof Value.Namespace namespace)) {
          throw new TemplateException(member.namespace() + " is no namespace");
        }
        namespace.members().put(member.name(), value);
      }
      case Target.Unpacked unpacked -> {
        List<Value> items = Types.iterate(value, budget);
        if (items.size() != unpacked.parts().size()) {
          throw new TemplateException(
              "%d values for %d variables".formatted(items.size(), unpacked.parts().size()));
        }
        for (int i = 0; i < items.size(); i++) {
          assign(unpacked.parts().get(i), items.get(i), scope);
        }
      }
    }
  }

  private Value filtered(Value text, List<FilterCall> filters, Scope scope) {
    Value value = text;
    for (FilterCall filter : filters) {
      at(filter.line());
      value =
          Filters.apply(filter.name(), value, evaluator.arguments(filter.arguments(), scope), this);
    }
    return value;
  }

  /** What statements write, instead of to the output. */
  private Text capture(List<Statement> statements, Scope scope) {
    return captured(() -> run(statements, scope));
  }

  private Text captured(Runnable writing) {
    TextBuilder outside = out;
    out = new TextBuilder(budget);
    writing.run();
    Text written = out.toText();
    out = outside;
    return written;
  }

  private void runCall(Statement.CallBlock block, Scope scope) {
    Arguments given = evaluator.arguments(block.call().arguments(), scope);
    Map<String, Value> named = new LinkedHashMap<>(given.named());
    named.put("caller", macro("caller", block.body(), scope));
    Value callee = evaluator.evaluate(block.call().callee(), scope);
    at(block.line());
    Value text = evaluator.call(callee, new Arguments(given.positional(), named));
    out.append(Printer.str(text, budget));
  }

  private Value macro(String name, MacroBody body, Scope definedIn) {
    return new Value.Callable(
        name, (in, arguments) -> capture(body.body(), enter(name, body, arguments, definedIn)));
  }

  /** A macro's scope with its parameters. */
  private Scope enter(String name, MacroBody body, Arguments arguments, Scope definedIn) {
    Scope scope = new Scope(definedIn);
    Map<String, Value> named = new LinkedHashMap<>(arguments.named());
    List<Value> positional = arguments.positional();
    int count = body.parameters().size();
    if (positional.size() > count && !body.usesVarargs()) {
      throw new TemplateException(
          "the macro %s takes at most %d arguments, not %d"
              .formatted(name, count, positional.size()));
    }
    Value caller = named.remove("caller");
    if (body.usesCaller()) {
      scope.set("caller", caller == null ? new Value.Undefined("there is no caller") : caller);
    } else if (caller != null) {
      throw new TemplateException("the macro " + name + " calls no caller");
    }
    for (int i = 0; i < count; i++) {
      Parameter parameter = body.parameters().get(i);
      Value byName = named.remove(parameter.name());
      if (byName != null && i < positional.size()) {
        throw new TemplateException(
            "the macro " + name + " is given " + parameter.name() + " twice");
      }
      Value given = i < positional.size() ? positional.get(i) : byName;
      scope.set(parameter.name(), given == null ? otherwise(parameter, scope) : given);
    }
    if (body.usesVarargs()) {
      List<Value> more = positional.subList(Math.min(count, positional.size()), positional.size());
      scope.set("varargs", Value.tuple(more.toArray(Value[]::new)));
    }
    if (body.usesKwargs()) {
      List<Value.Dict.Entry> entries = new ArrayList<>();
      named.forEach((key, value) -> entries.add(new Value.Dict.Entry(Text.template(key), value)));
      scope.set("kwargs", Types.dict(entries, budget));
    } else if (!named.isEmpty()) {
      throw new TemplateException(
          "the macro " + name + " has no parameter " + named.keySet().iterator().next());
    }
    return scope;
  }

  private Value otherwise(Parameter parameter, Scope scope) {
    return parameter.otherwise() == null
        ? new Value.Undefined("parameter '" + parameter.name() + "' was not provided")
        : evaluator.evaluate(parameter.otherwise(), scope);
  }
}
