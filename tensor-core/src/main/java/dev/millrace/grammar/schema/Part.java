package dev.millrace.grammar.schema;

import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.json.JsonValue;
import java.math.BigDecimal;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A schema within the caller's document: a boolean or an object, and where it stands. Parts at one
 * place are equal.
 *
 * @param pointer a JSON pointer
 */
record Part(String pointer, JsonValue schema) {
  /** Of a pointer, in characters: each part has its own, and a schema has thousands of parts. */
  static final int MAX_POINTER = 4_096;

  private static final int SHOWN = 100;

  Part {
    if (pointer.length() > MAX_POINTER) {
      throw new FormatException(
          pointer.substring(0, SHOWN) + "...",
          "is a schema whose JSON pointer has more than the "
              + MAX_POINTER
              + " characters that are allowed; shorter names or $defs help");
    }
    if (!(schema instanceof JsonValue.Bool || schema instanceof JsonValue.Members)) {
      throw new FormatException(
          pointer, "is a " + schema.type() + "; a schema is an object or a boolean");
    }
  }

  static String child(String pointer, String name) {
    return pointer + "/" + name.replace("~", "~0").replace("/", "~1");
  }

  /** Whether this is a schema of our own making, not the caller's. */
  static boolean isMade(Part part) {
    return part.pointer.contains(Conjunction.INTERNAL);
  }

  FormatException wrong(String keyword, String message) {
    return new FormatException(child(pointer, keyword), message);
  }

  boolean isFalse() {
    return schema instanceof JsonValue.Bool bool && !bool.value();
  }

  Map<String, JsonValue> keywords() {
    return schema instanceof JsonValue.Members object ? object.members() : Map.of();
  }

  boolean has(String keyword) {
    return keywords().containsKey(keyword);
  }

  @Nullable JsonValue get(String keyword) {
    return keywords().get(keyword);
  }

  /** Of a keyword that is there. */
  JsonValue value(String keyword) {
    return Objects.requireNonNull(get(keyword), keyword);
  }

  Optional<Part> schema(String keyword) {
    return Optional.ofNullable(get(keyword)).map(value -> new Part(child(pointer, keyword), value));
  }

  /** Schemas in an array. */
  List<Part> list(String keyword) {
    JsonValue value = get(keyword);
    if (value == null) {
      return List.of();
    }
    String at = child(pointer, keyword);
    List<JsonValue> items = array(keyword, value);
    return IntStream.range(0, items.size())
        .mapToObj(i -> new Part(at + "/" + i, items.get(i)))
        .toList();
  }

  /** A schema by its name in a keyword's object. */
  Optional<Part> member(String keyword, String name) {
    return Optional.ofNullable(members(keyword).get(name))
        .map(value -> new Part(child(child(pointer, keyword), name), value));
  }

  Map<String, JsonValue> members(String keyword) {
    JsonValue value = get(keyword);
    if (value == null) {
      return Map.of();
    }
    if (value instanceof JsonValue.Members object) {
      return object.members();
    }
    throw wrong(keyword, "is a " + value.type() + "; an object is wanted");
  }

  List<JsonValue> array(String keyword, JsonValue value) {
    if (value instanceof JsonValue.Array array) {
      return array.items();
    }
    throw wrong(keyword, "is a " + value.type() + "; an array is wanted");
  }

  List<String> texts(String keyword) {
    JsonValue value = get(keyword);
    return value == null
        ? List.of()
        : array(keyword, value).stream().map(each -> text(keyword, each)).toList();
  }

  String text(String keyword, JsonValue value) {
    if (value instanceof JsonValue.Text text) {
      return text.value();
    }
    throw wrong(keyword, "has a " + value.type() + "; a string is wanted");
  }

  /** A whole number from 0; larger than int's largest is int's largest. */
  Optional<Integer> count(String keyword) {
    return number(keyword)
        .map(
            value -> {
              if (value.signum() < 0 || value.stripTrailingZeros().scale() > 0) {
                throw wrong(keyword, "is " + value + "; a whole number from 0 is wanted");
              }
              return value.min(BigDecimal.valueOf(Integer.MAX_VALUE)).intValueExact();
            });
  }

  Optional<BigDecimal> number(String keyword) {
    JsonValue value = get(keyword);
    if (value == null) {
      return Optional.empty();
    }
    if (value instanceof JsonValue.Decimal number) {
      return Optional.of(number.value());
    }
    throw wrong(keyword, "is a " + value.type() + "; a number is wanted");
  }

  boolean flag(String keyword) {
    JsonValue value = get(keyword);
    if (value == null || value instanceof JsonValue.Bool) {
      return value instanceof JsonValue.Bool bool && bool.value();
    }
    throw wrong(keyword, "is a " + value.type() + "; a boolean is wanted");
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Part part && pointer.equals(part.pointer);
  }

  @Override
  public int hashCode() {
    return pointer.hashCode();
  }
}
