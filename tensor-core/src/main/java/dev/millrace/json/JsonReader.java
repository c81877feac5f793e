package dev.millrace.json;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;

/**
 * Reads one document as RFC 8259 has it, nothing beside: no comments, no NaN, no lone surrogates,
 * no member twice. Nesting, and exponents that would make numbers huge, are limited; the rest is
 * bounded by the text's length.
 */
public final class JsonReader {
  /** Recursion in whoever reads a value, too. */
  public static final int MAX_DEPTH = 256;

  /** Beyond double's exponents; arithmetic with larger ones takes gigabytes. */
  public static final int MAX_EXPONENT = 400;

  /** Reading a number takes time quadratic in its length. */
  public static final int MAX_NUMBER_CHARACTERS = 1_000;

  private final String text;
  private int at;

  private JsonReader(String text) {
    this.text = text;
  }

  /**
   * @throws JsonException saying what is wrong and where
   */
  public static JsonValue read(String text) {
    JsonReader reader = new JsonReader(text);
    reader.skipSpace();
    JsonValue value = reader.value(0);
    reader.skipSpace();
    if (reader.at < text.length()) {
      throw reader.wrong("text behind the document's end");
    }
    return value;
  }

  private JsonValue value(int depth) {
    if (depth > MAX_DEPTH) {
      throw wrong("nested deeper than the " + MAX_DEPTH + " levels that are allowed");
    }
    return switch (peek()) {
      case '{' -> object(depth);
      case '[' -> array(depth);
      case '"' -> new JsonValue.Text(string());
      case 't' -> word("true", new JsonValue.Bool(true));
      case 'f' -> word("false", new JsonValue.Bool(false));
      case 'n' -> word("null", new JsonValue.Null());
      default -> number();
    };
  }

  private JsonValue object(int depth) {
    LinkedHashMap<String, JsonValue> members = new LinkedHashMap<>();
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
    return new JsonValue.Members(members);
  }

  private JsonValue array(int depth) {
    List<JsonValue> items = new ArrayList<>();
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
    return new JsonValue.Array(items);
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

  private JsonValue number() {
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
      BigDecimal value = new BigDecimal(text.substring(begin, at));
      long exponent = (long) value.precision() - value.scale();
      if (value.signum() == 0 || Math.abs(exponent) <= MAX_EXPONENT) {
        return new JsonValue.Decimal(value);
      }
    } catch (NumberFormatException e) { // an exponent beyond int's
      throw wrong("a number whose exponent is beyond " + MAX_EXPONENT);
    }
    throw wrong("a number whose exponent is beyond " + MAX_EXPONENT);
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

  private JsonValue word(String word, JsonValue value) {
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
