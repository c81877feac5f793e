package dev.millrace.json;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * Reads one document as RFC 8259 has it, nothing beside: no comments, no NaN, no lone surrogates,
 * no member twice. Nesting and numbers' lengths are limited; the rest is bounded by the text's
 * length.
 */
public final class JsonReader<V> {
  /** Recursion in whoever reads a value, too. */
  public static final int MAX_DEPTH = 256;

  /** Reading a number takes time quadratic in its length. */
  public static final int MAX_NUMBER_CHARACTERS = 1_000;

  private final String text;
  private final JsonBuilder<V> builder;
  private int at;

  private JsonReader(String text, JsonBuilder<V> builder) {
    this.text = text;
    this.builder = builder;
  }

  /**
   * @throws JsonException saying what is wrong and where
   */
  public static JsonValue read(String text) {
    return read(text, new ValueBuilder());
  }

  /**
   * As whatever the builder makes of it.
   *
   * @throws JsonException saying what is wrong and where
   */
  public static <V> V read(String text, JsonBuilder<V> builder) {
    JsonReader<V> reader = new JsonReader<>(text, builder);
    reader.skipSpace();
    V value = reader.value(0);
    reader.skipSpace();
    if (reader.at < text.length()) {
      throw reader.wrong("text behind the document's end");
    }
    return value;
  }

  private V value(int depth) {
    if (depth > MAX_DEPTH) {
      throw wrong("nested deeper than the " + MAX_DEPTH + " levels that are allowed");
    }
    return switch (peek()) {
      case '{' -> object(depth);
      case '[' -> array(depth);
      case '"' -> builder.text(string());
      case 't' -> word("true", builder.bool(true));
      case 'f' -> word("false", builder.bool(false));
      case 'n' -> word("null", builder.none());
      default -> number();
    };
  }

  private V object(int depth) {
    SequencedMap<String, V> members = new LinkedHashMap<>();
    at++;
    skipSpace();
    while (peek() != '}') {
      if (!members.isEmpty()) {
        expect(',');
        skipSpace();
      }
      int nameAt = at;
      String name = string();
      skipSpace();
      expect(':');
      skipSpace();
      if (members.put(name, value(depth + 1)) != null) {
        throw new JsonException(nameAt, "the member \"" + name + "\" is there twice");
      }
      skipSpace();
    }
    at++;
    return builder.object(members);
  }

  private V array(int depth) {
    List<V> items = new ArrayList<>();
    at++;
    skipSpace();
    while (peek() != ']') {
      if (!items.isEmpty()) {
        expect(',');
        skipSpace();
      }
      items.add(value(depth + 1));
      skipSpace();
    }
    at++;
    return builder.array(items);
  }

  private String string() {
    expect('"');
    StringBuilder out = new StringBuilder();
    while (peek() != '"') {
      char c = text.charAt(at++);
      if (c < ' ') {
        throw wrong("a control character in a string");
      }
      out.append(c == '\\' ? escape() : c);
    }
    at++;
    checkSurrogates(out);
    return out.toString();
  }

  private char escape() {
    char c = peek();
    at++;
    return switch (c) {
      case '"', '\\', '/' -> c;
      case 'b' -> '\b';
      case 'f' -> '\f';
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case 'u' -> {
        int value = 0;
        for (int i = 0; i < 4; i++) {
          int digit = peek() < 128 ? Character.digit(peek(), 16) : -1;
          if (digit < 0) {
            throw wrong("\\u wants four hexadecimal digits");
          }
          value = value * 16 + digit;
          at++;
        }
        yield (char) value;
      }
      default -> throw wrong("no escape of JSON's: \\" + c);
    };
  }

  private void checkSurrogates(StringBuilder string) {
    if (string
        .codePoints()
        .anyMatch(c -> c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE)) {
      throw wrong("a string with half of a surrogate pair");
    }
  }

  private V number() {
    int begin = at;
    if (peek() == '-') {
      at++;
    }
    if (at < text.length() && text.charAt(at) == '0') {
      at++;
    } else {
      digits();
    }
    if (at < text.length() && text.charAt(at) == '.') {
      at++;
      digits();
    }
    if (at < text.length() && (text.charAt(at) == 'e' || text.charAt(at) == 'E')) {
      at++;
      if (peek() == '+' || peek() == '-') {
        at++;
      }
      digits();
    }
    if (at - begin > MAX_NUMBER_CHARACTERS) {
      throw wrong("a number of more than " + MAX_NUMBER_CHARACTERS + " characters");
    }
    try {
      return builder.number(text.substring(begin, at));
    } catch (ArithmeticException e) {
      throw wrong(String.valueOf(e.getMessage()));
    }
  }

  private void digits() {
    int begin = at;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    if (at == begin) {
      throw wrong(
          at < text.length() ? "unexpected '" + text.charAt(at) + "'" : "the text ends early");
    }
  }

  private V word(String word, V value) {
    if (!text.startsWith(word, at)) {
      throw wrong("unexpected '" + text.charAt(at) + "'");
    }
    at += word.length();
    return value;
  }

  private char peek() {
    if (at >= text.length()) {
      throw wrong("the text ends early");
    }
    return text.charAt(at);
  }

  private void expect(char c) {
    if (peek() != c) {
      throw wrong("'" + c + "' wanted, not '" + peek() + "'");
    }
    at++;
  }

  private void skipSpace() {
    while (at < text.length() && " \t\n\r".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
  }

  private JsonException wrong(String message) {
    return new JsonException(at, message);
  }
}
