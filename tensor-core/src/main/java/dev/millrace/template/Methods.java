package dev.millrace.template;

import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Methods of strings, lists and dicts by name. */
final class Methods {
  private static final Set<String> UNSUPPORTED =
      Set.of(
          "encode",
          "decode",
          "translate",
          "maketrans",
          "format_map",
          "isidentifier",
          "fromkeys",
          "to_bytes",
          "from_bytes",
          "as_integer_ratio",
          "bit_length",
          "bit_count",
          "conjugate",
          "hex",
          "fromhex");

  /** What would change a list or dict: templates may not. */
  private static final Map<String, Set<String>> CHANGING =
      Map.of(
          "list",
          Set.of("append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"),
          "dict",
          Set.of("clear", "pop", "popitem", "setdefault", "update"));

  private Methods() {}

  /** Whether Python's own types have a method of this name that isn't here. */
  static boolean isUnsupported(String name) {
    return UNSUPPORTED.contains(name);
  }

  /** A value's method, or what stands for one that may not be called; null if it has none. */
  static @Nullable Value find(Value of, String name) {
    if (CHANGING.getOrDefault(Types.name(of), Set.of()).contains(name)) {
      return new Value.Undefined(
          "a %s can't be changed: %s is not allowed".formatted(Types.name(of), name));
    }
    Value.Function function =
        switch (of) {
          case Text text -> TextMethods.find(text, name);
          case Value.Dict dict -> ofDict(dict, name);
          case Value.Sequence sequence when sequence.isIndexed() -> ofSequence(sequence, name);
          default -> null;
        };
    return function == null ? null : new Value.Callable(name, function);
  }

  private static Value.@Nullable Function ofDict(Value.Dict dict, String name) {
    return switch (name) {
      case "get" ->
          (in, arguments) -> {
            Arguments.Bound bound = arguments.bind("get", 1, "key", "default");
            Value.Dict.Entry entry = dict.entries().get(Keys.of(bound.get(0), in.budget()));
            return entry == null ? bound.get(1, Value.NONE) : entry.value();
          };
      case "keys" -> view(dict, Value.Sequence.Kind.KEYS);
      case "values" -> view(dict, Value.Sequence.Kind.VALUES);
      case "items" -> view(dict, Value.Sequence.Kind.ITEMS);
      case "copy" -> (in, arguments) -> dict;
      default -> null;
    };
  }

  private static Value.Function view(Value.Dict dict, Value.Sequence.Kind kind) {
    return (in, arguments) -> {
      arguments.bind(kind.pythonName, 0);
      in.budget().make(dict.entries().size());
      return new Value.Sequence(
          kind,
          switch (kind) {
            case KEYS -> dict.keys();
            case VALUES -> dict.values();
            default -> dict.items();
          });
    };
  }

  private static Value.@Nullable Function ofSequence(Value.Sequence sequence, String name) {
    return switch (name) {
      case "index" ->
          (in, arguments) -> {
            Value wanted = arguments.bind("index", 1, "value").get(0);
            for (int i = 0; i < sequence.items().size(); i++) {
              if (Operators.equal(sequence.items().get(i), wanted, in.budget())) {
                return Value.of(i);
              }
            }
            throw new TemplateException("index: the value is not in the list");
          };
      case "count" ->
          (in, arguments) -> {
            Value wanted = arguments.bind("count", 1, "value").get(0);
            return Value.of(
                sequence.items().stream()
                    .filter(item -> Operators.equal(item, wanted, in.budget()))
                    .count());
          };
      case "copy" ->
          sequence.kind() == Value.Sequence.Kind.LIST ? (in, arguments) -> sequence : null;
      default -> null;
    };
  }
}
