package dev.millrace.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/** A value of a template: Python's, as far as templates see them. Immutable but for Namespace. */
public sealed interface Value
    permits Text,
        Value.None,
        Value.Undefined,
        Value.Bool,
        Value.Int,
        Value.Real,
        Value.Sequence,
        Value.Dict,
        Value.Generator,
        Value.Namespace,
        Value.Callable,
        Value.LoopValue {
  Value NONE = new None();
  Value TRUE = new Bool(true);
  Value FALSE = new Bool(false);

  static Value of(boolean value) {
    return value ? TRUE : FALSE;
  }

  static Value of(long value) {
    return new Int(BigInteger.valueOf(value));
  }

  static Value list(List<? extends Value> items) {
    return new Sequence(Sequence.Kind.LIST, List.copyOf(items));
  }

  static Value tuple(Value... items) {
    return new Sequence(Sequence.Kind.TUPLE, List.of(items));
  }

  record None() implements Value {}

  /**
   * What isn't there. Prints as nothing; most else that is done with it fails.
   *
   * @param problem for that failure: "'x' is undefined"
   */
  record Undefined(String problem) implements Value {}

  record Bool(boolean value) implements Value {}

  record Int(BigInteger value) implements Value {}

  record Real(double value) implements Value {}

  /** A list, a tuple, a range, or a dict's view. */
  record Sequence(Kind kind, List<Value> items) implements Value {
    enum Kind {
      LIST("list"),
      TUPLE("tuple"),
      RANGE("range"),
      KEYS("dict_keys"),
      VALUES("dict_values"),
      ITEMS("dict_items");

      final String pythonName;

      Kind(String pythonName) {
        this.pythonName = pythonName;
      }
    }

    /** A dict's views can't be. */
    boolean isIndexed() {
      return kind == Kind.LIST || kind == Kind.TUPLE || kind == Kind.RANGE;
    }
  }

  /** A dict, in order of insertion; keys by what makes them equal in Python ({@link Keys}). */
  record Dict(SequencedMap<Object, Entry> entries) implements Value {
    record Entry(Value key, Value value) {}

    /** From names, whose texts data wrote. */
    public static Dict of(Map<String, Value> members) {
      SequencedMap<Object, Entry> entries = new LinkedHashMap<>();
      members.forEach((name, value) -> entries.put(name, new Entry(Text.data(name), value)));
      return new Dict(entries);
    }

    /** The same with another value for a key that it has. */
    public Dict with(String key, Value value) {
      SequencedMap<Object, Entry> changed = new LinkedHashMap<>(entries);
      changed.computeIfPresent(key, (_, entry) -> new Entry(entry.key(), value));
      return new Dict(changed);
    }

    /** Values by those keys that are texts. */
    public Map<String, Value> named() {
      Map<String, Value> named = new LinkedHashMap<>();
      entries.forEach(
          (key, entry) -> {
            if (key instanceof String name) {
              named.put(name, entry.value());
            }
          });
      return named;
    }

    public @Nullable Value get(String key) {
      Entry entry = entries.get(key);
      return entry == null ? null : entry.value();
    }

    List<Value> keys() {
      return entries.values().stream().map(Entry::key).toList();
    }

    List<Value> values() {
      return entries.values().stream().map(Entry::value).toList();
    }

    List<Value> items() {
      List<Value> items = new ArrayList<>(entries.size());
      entries.values().forEach(entry -> items.add(tuple(entry.key(), entry.value())));
      return items;
    }
  }

  /** What filters like map give: it can be gone through once. */
  record Generator(Iterator<Value> rest) implements Value {}

  /** What a template may change, across scopes. */
  record Namespace(Map<String, Value> members) implements Value {}

  /** A macro, a method, or a global function. */
  record Callable(String name, Function function) implements Value {}

  /** {@code loop} within a for. */
  record LoopValue(Loop loop) implements Value {}

  /** What is called. */
  @FunctionalInterface
  interface Function {
    Value call(Interpreter interpreter, Arguments arguments);
  }
}
