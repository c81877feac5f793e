package dev.millrace.template;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/** What Python asks of any value: its type's name, its truth, what it is made of. */
final class Types {
  private Types() {}

  static String name(Value value) {
    return switch (value) {
      case Text _ -> "str";
      case Value.None _ -> "NoneType";
      case Value.Undefined _ -> "Undefined";
      case Value.Bool _ -> "bool";
      case Value.Int _ -> "int";
      case Value.Real _ -> "float";
      case Value.Sequence sequence -> sequence.kind().pythonName;
      case Value.Dict _ -> "dict";
      case Value.Generator _ -> "generator";
      case Value.Namespace _ -> "Namespace";
      case Value.Callable _ -> "function";
      case Value.LoopValue _ -> "LoopContext";
    };
  }

  static boolean truth(Value value) {
    return switch (value) {
      case Text text -> !text.isEmpty();
      case Value.None _, Value.Undefined _ -> false;
      case Value.Bool bool -> bool.value();
      case Value.Int whole -> whole.value().signum() != 0;
      case Value.Real real -> real.value() != 0;
      case Value.Sequence sequence -> !sequence.items().isEmpty();
      case Value.Dict dict -> !dict.entries().isEmpty();
      case Value.Generator _, Value.Namespace _, Value.Callable _ -> true;
      case Value.LoopValue loop -> loop.loop().length() > 0;
    };
  }

  /** What going through a value gives, in order. A generator is at its end then. */
  static List<Value> iterate(Value value, Budget budget) {
    return switch (value) {
      case Value.Sequence sequence -> sequence.items();
      case Value.Dict dict -> {
        budget.make(dict.entries().size());
        yield dict.keys();
      }
      case Text text -> characters(text, budget);
      case Value.Undefined _ -> List.of();
      case Value.Generator generator -> {
        List<Value> items = new ArrayList<>();
        while (generator.rest().hasNext()) {
          budget.make(1);
          items.add(generator.rest().next());
        }
        yield items;
      }
      default -> throw new TemplateException("a " + name(value) + " can't be gone through");
    };
  }

  private static List<Value> characters(Text text, Budget budget) {
    budget.make((long) Budget.TEXT * text.value().length());
    List<Value> characters = new ArrayList<>(text.value().length());
    for (int i = 0; i < text.value().length(); ) {
      int end = i + Character.charCount(text.value().codePointAt(i));
      characters.add(text.part(i, end));
      i = end;
    }
    return characters;
  }

  /** Python's len. */
  static long length(Value value) {
    return switch (value) {
      case Text text -> text.length();
      case Value.Sequence sequence -> sequence.items().size();
      case Value.Dict dict -> dict.entries().size();
      case Value.Undefined _ -> 0;
      case Value.LoopValue loop -> loop.loop().length();
      default -> throw new TemplateException("a " + name(value) + " has no length");
    };
  }

  static boolean isIterable(Value value) {
    return value instanceof Text
        || value instanceof Value.Sequence
        || value instanceof Value.Dict
        || value instanceof Value.Undefined
        || value instanceof Value.Generator
        || value instanceof Value.LoopValue;
  }

  static Value.Dict dict(List<Value.Dict.Entry> entries, Budget budget) {
    budget.make(entries.size());
    SequencedMap<Object, Value.Dict.Entry> map = new LinkedHashMap<>();
    for (Value.Dict.Entry entry : entries) {
      put(map, entry.key(), entry.value(), budget);
    }
    return new Value.Dict(map);
  }

  /** A key that is there already keeps its place and its own text. */
  static void put(
      SequencedMap<Object, Value.Dict.Entry> map, Value key, Value value, Budget budget) {
    Object hashed = Keys.of(key, budget);
    Value.Dict.Entry before = map.get(hashed);
    map.put(hashed, new Value.Dict.Entry(before == null ? key : before.key(), value));
  }
}
