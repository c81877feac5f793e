package dev.millrace.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;

/**
 * JSON as Python reads it: 1 and 1.0 are numbers of two kinds, which templates print differently
 * (the room json takes them for one), and of two members with one name the last one counts.
 */
public final class JsonReader {
  /** Of arrays and objects; each takes some stack frames, here and wherever the value is used. */
  private static final int MAX_DEPTH = 128;

  private final String json;
  private int at;
  private int depth;

  private JsonReader(String json) {
    this.json = json;
  }

  /**
   * @throws IllegalArgumentException saying what is wrong, and at which character
   */
  public static Value read(String json) {
    JsonReader reader = new JsonReader(json);
    reader.skipSpace();
    Value value = reader.value();
    reader.skipSpace();
    if (reader.at < json.length()) {
      throw reader.wrong("something behind the value");
    }
    return value;
  }

  private IllegalArgumentException wrong(String what) {
    return new IllegalArgumentException("no JSON: " + what + " at character " + (at + 1));
  }

  private void skipSpace() {
    while (at < json.length() && " \t\n\r".indexOf(json.charAt(at)) >= 0) {
      at++;
    }
  }

  private char peek() {
    if (at >= json.length()) {
      throw wrong("the end");
    }
    return json.charAt(at);
  }

  private Value value() {
    return switch (peek()) {
      case '{' -> object();
      case '[' -> array();
      case '"' -> Text.data(string());
      case 't' -> word("true", Value.TRUE);
      case 'f' -> word("false", Value.FALSE);
      case 'n' -> word("null", Value.NONE);
      default -> number();
    };
  }

  private Value word(String word, Value value) {
    if (!json.startsWith(word, at)) {
      throw wrong("an unknown word");
    }
    at += word.length();
    return value;
  }

  private void open() {
    if (++depth > MAX_DEPTH) {
      throw wrong("nested more than " + MAX_DEPTH + " deep,");
    }
    at++;
    skipSpace();
  }

  /** Whether another element follows; else the closing bracket is passed. */
  private boolean goesOn(char close, boolean first) {
    skipSpace();
    char c = peek();
    if (c == close) {
      at++;
      depth--;
      return false;
    }
    if (!first) {
      if (c != ',') {
        throw wrong("neither ',' nor '" + close + "'");
      }
      at++;
      skipSpace();
    }
    return true;
  }

  private Value array() {
    open();
    List<Value> items = new ArrayList<>();
    while (goesOn(']', items.isEmpty())) {
      items.add(value());
    }
    return Value.list(items);
  }

  private Value object() {
    open();
    SequencedMap<Object, Value.Dict.Entry> entries = new LinkedHashMap<>();
    while (goesOn('}', entries.isEmpty())) {
      if (peek() != '"') {
        throw wrong("no member's name");
      }
      String name = string();
      skipSpace();
      if (peek() != ':') {
        throw wrong("no ':'");
      }
      at++;
      skipSpace();
      entries.put(name, new Value.Dict.Entry(Text.data(name), value()));
    }
    return new Value.Dict(entries);
  }

  private String string() {
    StringBuilder text = new StringBuilder();
    at++;
    while (true) {
      char c = peek();
      at++;
      if (c == '"') {
        return text.toString();
      }
      if (c < 0x20) {
        at--;
        throw wrong("a control character in a string");
      }
      text.append(c == '\\' ? escape() : c);
    }
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
        int unit = 0;
        for (int i = 0; i < 4; i++) {
          int digit = Character.digit(peek(), 16);
          if (digit < 0 || peek() > 'f') {
            throw wrong("no hexadecimal digit");
          }
          unit = unit << 4 | digit;
          at++;
        }
        yield (char) unit;
      }
      default -> throw wrong("an unknown escape");
    };
  }

  private Value number() {
    int begin = at;
    if (peek() == '-') {
      at++;
    }
    if (peek() == '0') {
      at++;
    } else {
      digits();
    }
    boolean whole = true;
    if (at < json.length() && json.charAt(at) == '.') {
      whole = false;
      at++;
      digits();
    }
    if (at < json.length() && (json.charAt(at) | 0x20) == 'e') {
      whole = false;
      at++;
      if (peek() == '+' || peek() == '-') {
        at++;
      }
      digits();
    }
    if (at - begin > Numbers.MAX_DIGITS) {
      throw wrong("a number of more than " + Numbers.MAX_DIGITS + " digits");
    }
    String number = json.substring(begin, at);
    return whole
        ? new Value.Int(new BigInteger(number))
        : new Value.Real(Double.parseDouble(number));
  }

  private void digits() {
    int begin = at;
    while (at < json.length() && json.charAt(at) >= '0' && json.charAt(at) <= '9') {
      at++;
    }
    if (at == begin) {
      throw wrong("no digit");
    }
  }
}
