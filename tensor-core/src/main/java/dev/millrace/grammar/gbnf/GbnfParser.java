package dev.millrace.grammar.gbnf;

import dev.millrace.grammar.automaton.CodePoints;
import dev.millrace.grammar.automaton.FormatException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import org.jspecify.annotations.Nullable;

/**
 * Reads GBNF: rules {@code name ::= ...}, one behind the other, each up to its line's end unless
 * that is within parentheses or behind a bar.
 */
final class GbnfParser {
  /** Recursion here and in whoever reads the rules. */
  private static final int MAX_DEPTH = 200;

  private final int[] text; // code points
  private int at;
  private int depth;

  private GbnfParser(String grammar) {
    this.text = grammar.codePoints().toArray();
  }

  /**
   * @throws FormatException saying what is wrong and in which line
   */
  static SequencedMap<String, Expression> parse(String grammar) {
    GbnfParser parser = new GbnfParser(grammar);
    SequencedMap<String, Expression> rules = new LinkedHashMap<>();
    parser.skipSpace(true);
    while (parser.at < parser.text.length) {
      parser.rule(rules);
    }
    return rules;
  }

  private void rule(SequencedMap<String, Expression> rules) {
    String name = name();
    skipSpace(false);
    if (!take("::=")) {
      throw wrong("'::=' wanted behind the rule's name " + name);
    }
    skipSpace(true);
    if (rules.put(name, either(false)) != null) {
      throw wrong("the rule " + name + " is there twice");
    }
    if (at < text.length && text[at] != '\n' && text[at] != '\r') {
      throw wrong("unexpected '" + Character.toString(text[at]) + "'");
    }
    skipSpace(true);
  }

  private Expression either(boolean nested) {
    if (++depth > MAX_DEPTH) {
      throw wrong("groups nested deeper than " + MAX_DEPTH);
    }
    List<Expression> options = new ArrayList<>(List.of(sequence(nested)));
    while (take("|")) {
      skipSpace(true);
      options.add(sequence(nested));
    }
    depth--;
    return options.size() == 1 ? options.getFirst() : new Expression.Either(options);
  }

  private Expression sequence(boolean nested) {
    List<Expression> parts = new ArrayList<>();
    while (at < text.length && "|)\n\r".indexOf(text[at]) < 0) {
      Expression part = element();
      skipSpace(nested);
      int times = 0;
      for (Expression more = repeated(part); more != null; more = repeated(part)) {
        if (++times > MAX_DEPTH) {
          throw wrong("more than " + MAX_DEPTH + " repetitions of one another");
        }
        part = more;
        skipSpace(nested);
      }
      parts.add(part);
    }
    return parts.size() == 1 ? parts.getFirst() : new Expression.Sequence(parts);
  }

  private Expression element() {
    int c = text[at];
    if (take("\"")) {
      List<Expression> parts = new ArrayList<>();
      while (!take("\"")) {
        parts.add(new Expression.Match(CodePoints.of(character("a '\"' that isn't closed"))));
      }
      return new Expression.Sequence(parts);
    }
    if (take("[")) {
      return new Expression.Match(characterClass());
    }
    if (take(".")) {
      return new Expression.Match(CodePoints.ALL);
    }
    if (take("(")) {
      skipSpace(true);
      Expression inside = either(true);
      if (!take(")")) {
        throw wrong("a '(' that isn't closed");
      }
      return inside;
    }
    if (c == '<' || c == '!') {
      throw wrong("tokens in a grammar aren't supported: it is over characters");
    }
    return new Expression.Call(name());
  }

  private CodePoints characterClass() {
    boolean negated = take("^");
    List<CodePoints> members = new ArrayList<>();
    String unclosed = "a '[' that isn't closed";
    while (!take("]")) {
      int first = character(unclosed);
      boolean range = at + 1 < text.length && text[at] == '-' && text[at + 1] != ']';
      at += range ? 1 : 0;
      int last = range ? character(unclosed) : first;
      if (first > last) {
        throw wrong("a range of characters whose ends don't ascend");
      }
      members.add(CodePoints.range(first, last));
    }
    CodePoints set = CodePoints.union(members);
    return negated ? set.not() : set;
  }

  private int character(String unclosed) {
    if (at >= text.length) {
      throw wrong(unclosed);
    }
    int c = text[at++];
    if (c != '\\') {
      return c;
    }
    if (at >= text.length) {
      throw wrong(unclosed);
    }
    int escaped = text[at++];
    return switch (escaped) {
      case 'n' -> '\n';
      case 'r' -> '\r';
      case 't' -> '\t';
      case '\\', '"', '[', ']', '-', '^', '/' -> escaped;
      case 'x' -> hex(2);
      case 'u' -> hex(4);
      case 'U' -> hex(8);
      default -> throw wrong("no escape of GBNF's: \\" + Character.toString(escaped));
    };
  }

  private int hex(int digits) {
    long value = 0;
    for (int i = 0; i < digits; i++) {
      int digit = at < text.length && text[at] < 128 ? Character.digit(text[at], 16) : -1;
      if (digit < 0) {
        throw wrong(digits + " hexadecimal digits wanted");
      }
      value = value * 16 + digit;
      at++;
    }
    if (value > Character.MAX_CODE_POINT) {
      throw wrong("a character beyond 10FFFF");
    }
    return (int) value;
  }

  /** Repeated as is said next; null if nothing is. */
  private @Nullable Expression repeated(Expression one) {
    if (take("*")) {
      return new Expression.Repeat(one, 0, Integer.MAX_VALUE);
    }
    if (take("+")) {
      return new Expression.Repeat(one, 1, Integer.MAX_VALUE);
    }
    if (take("?")) {
      return new Expression.Repeat(one, 0, 1);
    }
    if (!take("{")) {
      return null;
    }
    skipSpace(true);
    int least = number();
    int most = least;
    skipSpace(true);
    if (take(",")) {
      skipSpace(true);
      boolean open = at < text.length && text[at] == '}';
      most = open ? Integer.MAX_VALUE : number();
      skipSpace(true);
    }
    if (!take("}")) {
      throw wrong("a '{' that isn't closed");
    }
    if (most < least) {
      throw wrong("a repetition from " + least + " to " + most + " times");
    }
    return new Expression.Repeat(one, least, most);
  }

  private int number() {
    int begin = at;
    long value = 0;
    while (at < text.length && text[at] >= '0' && text[at] <= '9') {
      value = Math.min(value * 10 + text[at++] - '0', Integer.MAX_VALUE - 1);
    }
    if (at == begin) {
      throw wrong("a number wanted");
    }
    return (int) value;
  }

  private String name() {
    int begin = at;
    while (at < text.length && isOfName(text[at])) {
      at++;
    }
    if (at == begin) {
      throw wrong(
          at < text.length
              ? "unexpected '" + Character.toString(text[at]) + "'"
              : "the grammar ends early");
    }
    return new String(text, begin, at - begin);
  }

  private static boolean isOfName(int c) {
    return c == '-' || c == '_' || c < 128 && Character.isLetterOrDigit(c);
  }

  private void skipSpace(boolean lines) {
    while (at < text.length) {
      if (text[at] == '#') {
        while (at < text.length && text[at] != '\n') {
          at++;
        }
      } else if (text[at] == ' ' || text[at] == '\t' || lines && "\r\n".indexOf(text[at]) >= 0) {
        at++;
      } else {
        return;
      }
    }
  }

  private boolean take(String expected) {
    for (int i = 0; i < expected.length(); i++) {
      if (at + i >= text.length || text[at + i] != expected.charAt(i)) {
        return false;
      }
    }
    at += expected.length();
    return true;
  }

  private FormatException wrong(String message) {
    int line = 1;
    for (int i = 0; i < Math.min(at, text.length); i++) {
      line += text[i] == '\n' ? 1 : 0;
    }
    return new FormatException("", "grammar, line " + line + ": " + message);
  }
}
