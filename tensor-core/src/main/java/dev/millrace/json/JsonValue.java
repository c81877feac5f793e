package dev.millrace.json;

import java.math.BigDecimal;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;

/**
 * A JSON value. Immutable. Numbers are equal as numbers, so 1, 1.0 and 1e0 are; members' order is
 * kept and doesn't matter to equality.
 */
public sealed interface JsonValue {

  /** The value null. */
  record Null() implements JsonValue {}

  record Bool(boolean value) implements JsonValue {}

  record Text(String value) implements JsonValue {}

  record Array(List<JsonValue> items) implements JsonValue {
    public Array {
      items = List.copyOf(items);
    }
  }

  record Members(SequencedMap<String, JsonValue> members) implements JsonValue {
    public Members {
      members = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(members));
    }
  }

  /** Without trailing zeros, so that equal numbers are equal objects. */
  record Decimal(BigDecimal value) implements JsonValue {
    public Decimal {
      value = value.signum() == 0 ? BigDecimal.ZERO : value.stripTrailingZeros();
    }
  }

  /** What JSON Schema calls the type, but for integers: "number". */
  default String type() {
    return switch (this) {
      case Null _ -> "null";
      case Bool _ -> "boolean";
      case Text _ -> "string";
      case Decimal _ -> "number";
      case Array _ -> "array";
      case Members _ -> "object";
    };
  }

  /** As a document without spaces, each character raw unless it must be escaped. */
  default String toJson() {
    StringBuilder out = new StringBuilder();
    write(out);
    return out.toString();
  }

  private void write(StringBuilder out) {
    switch (this) {
      case Null _ -> out.append("null");
      case Bool bool -> out.append(bool.value());
      case Text text -> quote(text.value(), out);
      case Decimal number -> out.append(plain(number.value()));
      case Array array -> {
        out.append('[');
        String separator = "";
        for (JsonValue item : array.items()) {
          out.append(separator);
          item.write(out);
          separator = ",";
        }
        out.append(']');
      }
      case Members object -> {
        out.append('{');
        String separator = "";
        for (Map.Entry<String, JsonValue> member : object.members().entrySet()) {
          out.append(separator);
          quote(member.getKey(), out);
          out.append(':');
          member.getValue().write(out);
          separator = ",";
        }
        out.append('}');
      }
    }
  }

  /** Without an exponent, unless that would take many zeros. */
  private static String plain(BigDecimal value) {
    return Math.abs(value.scale()) > 40 ? value.toString() : value.toPlainString();
  }

  private static void quote(String text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        case '\b' -> out.append("\\b");
        case '\f' -> out.append("\\f");
        default -> {
          if (c < ' ') {
            out.append("\\u%04x".formatted((int) c));
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }
}
