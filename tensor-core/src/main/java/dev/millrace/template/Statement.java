package dev.millrace.template;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** What a template does. */
sealed interface Statement {
  record Output(Text text) implements Statement {}

  record Print(Expression expression) implements Statement {}

  /** The branches of if and elif, and of else. */
  record If(List<Branch> branches, List<Statement> otherwise) implements Statement {}

  record Branch(Expression condition, List<Statement> body) {}

  /**
   * @param filter {@code if} behind the iterable
   */
  record For(
      int line,
      Target target,
      Expression iterable,
      @Nullable Expression filter,
      boolean recursive,
      List<Statement> body,
      List<Statement> otherwise)
      implements Statement {}

  record Break() implements Statement {}

  record Continue() implements Statement {}

  record Set(int line, Target target, Expression value) implements Statement {}

  /** {@code set name} with a body; its text passes through the filters. */
  record SetBlock(int line, Target target, List<FilterCall> filters, List<Statement> body)
      implements Statement {}

  record FilterBlock(List<FilterCall> filters, List<Statement> body) implements Statement {}

  record FilterCall(int line, String name, Expression.CallArguments arguments) {}

  record With(List<Set> variables, List<Statement> body) implements Statement {}

  record Macro(int line, String name, MacroBody body) implements Statement {}

  /**
   * @param usesCaller whether it calls {@code caller}
   * @param usesVarargs whether it takes more positional arguments than it names
   * @param usesKwargs whether it takes named arguments that it doesn't name
   */
  record MacroBody(
      List<Parameter> parameters,
      List<Statement> body,
      boolean usesCaller,
      boolean usesVarargs,
      boolean usesKwargs) {}

  record Parameter(String name, @Nullable Expression otherwise) {}

  /** {@code call}: calls a macro, which finds the body as {@code caller}. */
  record CallBlock(int line, Expression.Call call, MacroBody body) implements Statement {}

  /** {@code generation}: a scope of its own; what the assistant says stands in it. */
  record Generation(List<Statement> body) implements Statement {}

  /** What is assigned to. */
  sealed interface Target {
    record Variable(String name) implements Target {}

    record Member(String namespace, String name) implements Target {}

    record Unpacked(List<Target> parts) implements Target {}
  }
}
