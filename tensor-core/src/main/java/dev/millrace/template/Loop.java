package dev.millrace.template;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** A for that is running: what {@code loop} tells. */
final class Loop {
  private final List<Value> items;
  private final int depth;
  private final @Nullable Value recurse;
  private int index = -1;
  private @Nullable Value lastChanged;

  /**
   * @param depth of recursive loops, from 0
   * @param recurse runs the loop's body for other items; null unless it is recursive
   */
  Loop(List<Value> items, int depth, @Nullable Value recurse) {
    this.items = items;
    this.depth = depth;
    this.recurse = recurse;
  }

  int length() {
    return items.size();
  }

  void next() {
    index++;
  }

  Value.Function recursion() {
    if (recurse instanceof Value.Callable callable) {
      return callable.function();
    }
    throw new TemplateException("the loop isn't recursive, so it can't be called");
  }

  @Nullable Value attribute(String name) {
    return switch (name) {
      case "index" -> Value.of(index + 1);
      case "index0" -> Value.of(index);
      case "revindex" -> Value.of(items.size() - index);
      case "revindex0" -> Value.of(items.size() - index - 1);
      case "first" -> Value.of(index == 0);
      case "last" -> Value.of(index == items.size() - 1);
      case "length" -> Value.of(items.size());
      case "depth" -> Value.of(depth + 1);
      case "depth0" -> Value.of(depth);
      case "previtem" ->
          index > 0 ? items.get(index - 1) : new Value.Undefined("there is no previous item");
      case "nextitem" ->
          index + 1 < items.size()
              ? items.get(index + 1)
              : new Value.Undefined("there is no next item");
      case "cycle" -> new Value.Callable(name, (in, arguments) -> cycle(arguments));
      case "changed" ->
          new Value.Callable(name, (in, arguments) -> Value.of(changed(arguments, in.budget())));
      default -> null;
    };
  }

  private Value cycle(Arguments arguments) {
    if (arguments.positional().isEmpty()) {
      throw new TemplateException("loop.cycle needs something to go through");
    }
    return arguments.positional().get(index % arguments.positional().size());
  }

  private boolean changed(Arguments arguments, Budget budget) {
    Value now = Value.list(arguments.positional());
    boolean changed = lastChanged == null || !Operators.equal(lastChanged, now, budget);
    lastChanged = now;
    return changed;
  }
}
