package dev.millrace.template;

import dev.millrace.template.Token.Kind;
import java.util.ArrayList;
import java.util.List;

/**
 * Cuts a template's source into tokens, with trim_blocks and lstrip_blocks on: a block tag takes
 * the newline behind it, and the blanks before it on its line. One pass.
 */
final class Lexer {
  private static final List<String> LONG_OPERATORS = List.of("//", "**", "==", "!=", ">=", "<=");
  private static final String OPERATORS = "+-/*%~[](){}><=.:|,;";

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private int lineCountedTo;
  private boolean atLineStart = true; // whether the text that comes begins a line

  private Lexer(String source) {
    this.source = source;
  }

  static List<Token> tokenize(String source) {
    String text = source.replace("\r\n", "\n").replace('\r', '\n');
    Lexer lexer = new Lexer(text.endsWith("\n") ? text.substring(0, text.length() - 1) : text);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (at < source.length()) {
      int tag = nextTag(at);
      if (tag < 0) {
        addData(source.substring(at));
        at = source.length();
        break;
      }
      char kind = source.charAt(tag + 1);
      char sign = tag + 2 < source.length() ? source.charAt(tag + 2) : ' ';
      boolean signed = sign == '-' || sign == '+';
      addData(textBefore(tag, kind, sign));
      lineAt(tag);
      at = tag + (signed ? 3 : 2);
      switch (kind) {
        case '#' -> comment();
        case '{' -> tag(Kind.VARIABLE_BEGIN, Kind.VARIABLE_END, '}');
        default -> {
          if (!raw()) {
            tag(Kind.BLOCK_BEGIN, Kind.BLOCK_END, '%');
          }
        }
      }
      atLineStart = source.charAt(at - 1) == '\n';
    }
    lineAt(source.length());
    tokens.add(new Token(Kind.END, "", line));
  }

  /** Where the next tag begins, or -1. */
  private int nextTag(int from) {
    for (int i = source.indexOf('{', from); i >= 0; i = source.indexOf('{', i + 1)) {
      if (i + 1 < source.length() && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  private String textBefore(int tag, char kind, char sign) {
    String text = source.substring(at, tag);
    if (sign == '-') {
      return stripEnd(text);
    }
    if (sign != '+' && kind != '{') {
      int lineBegin = text.lastIndexOf('\n') + 1;
      if ((lineBegin > 0 || atLineStart)
          && text.substring(lineBegin).chars().allMatch(Text::isSpace)) {
        return text.substring(0, lineBegin);
      }
    }
    return text;
  }

  private static String stripEnd(String text) {
    int end = text.length();
    while (end > 0 && Text.isSpace(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(0, end);
  }

  private void addData(String text) {
    if (!text.isEmpty()) {
      lineAt(at);
      tokens.add(new Token(Kind.DATA, text, line));
    }
  }

  private void lineAt(int position) {
    for (; lineCountedTo < position; lineCountedTo++) {
      if (source.charAt(lineCountedTo) == '\n') {
        line++;
      }
    }
  }

  private void comment() {
    int end = source.indexOf("#}", at);
    if (end < 0) {
      throw new TemplateException(line, "a comment isn't closed; '#}' is missing");
    }
    char sign = end > at ? source.charAt(end - 1) : ' ';
    at = end + 2;
    afterBlock(sign);
  }

  /** What a block's or comment's end takes of the text behind it. */
  private void afterBlock(char sign) {
    if (sign == '-') {
      skipSpace();
    } else if (sign != '+' && at < source.length() && source.charAt(at) == '\n') {
      at++;
    }
  }

  private void skipSpace() {
    while (at < source.length() && Text.isSpace(source.charAt(at))) {
      at++;
    }
  }

  /** A raw block as a whole, if one begins here. */
  private boolean raw() {
    int begin = at;
    skipSpace();
    if (source.startsWith("raw", at)) {
      at += 3;
      skipSpace();
      boolean stripped = source.startsWith("-%}", at);
      if (stripped || source.startsWith("%}", at)) {
        at += stripped ? 3 : 2;
        if (stripped) {
          skipSpace();
        }
        rawText();
        return true;
      }
    }
    at = begin;
    return false;
  }

  private void rawText() {
    atLineStart = source.charAt(at - 1) == '\n';
    for (int end = source.indexOf("{%", at); end >= 0; end = source.indexOf("{%", end + 2)) {
      int begin = at;
      char sign = end + 2 < source.length() ? source.charAt(end + 2) : ' ';
      at = end + (sign == '-' || sign == '+' ? 3 : 2);
      skipSpace();
      if (source.startsWith("endraw", at)) {
        at += 6;
        skipSpace();
        char endSign = at < source.length() ? source.charAt(at) : ' ';
        int close = endSign == '-' || endSign == '+' ? at + 1 : at;
        if (source.startsWith("%}", close)) {
          at = begin;
          addData(textBefore(end, '%', sign));
          at = close + 2;
          afterBlock(endSign);
          return;
        }
      }
      at = begin;
    }
    throw new TemplateException(line, "a raw block isn't closed; 'endraw' is missing");
  }

  private void tag(Kind begin, Kind end, char close) {
    int openedLine = line;
    add(begin, source.substring(at - 2, at));
    StringBuilder open = new StringBuilder(); // brackets, innermost last
    while (true) {
      skipSpace();
      if (at >= source.length()) {
        throw new TemplateException(
            openedLine, "the tag isn't closed; '" + close + "}' is missing");
      }
      lineAt(at);
      if (open.isEmpty() && endsTag(end, close)) {
        return;
      }
      token(open);
    }
  }

  private boolean endsTag(Kind end, char close) {
    char sign = source.charAt(at);
    boolean signed = sign == '-' || sign == '+' && end == Kind.BLOCK_END;
    int from = signed ? at + 1 : at;
    if (!(source.startsWith("}", from + 1) && source.charAt(from) == close)) {
      return false;
    }
    add(end, source.substring(from, from + 2));
    at = from + 2;
    if (end == Kind.BLOCK_END) {
      afterBlock(sign);
    } else if (sign == '-') {
      skipSpace();
    }
    return true;
  }

  private void token(StringBuilder open) {
    char c = source.charAt(at);
    if (c == '\'' || c == '"') {
      string(c);
    } else if (c >= '0' && c <= '9') {
      number();
    } else if (isNamePart(source.codePointAt(at))) {
      int begin = at;
      while (at < source.length() && isNamePart(source.codePointAt(at))) {
        at += Character.charCount(source.codePointAt(at));
      }
      add(Kind.NAME, source.substring(begin, at));
    } else {
      operator(open);
    }
  }

  private static boolean isNamePart(int codePoint) {
    return codePoint == '_' || Character.isLetterOrDigit(codePoint);
  }

  private void add(Kind kind, String text) {
    tokens.add(new Token(kind, text, line));
  }

  private void operator(StringBuilder open) {
    String two = source.substring(at, Math.min(at + 2, source.length()));
    String operator = LONG_OPERATORS.contains(two) ? two : two.substring(0, 1);
    char c = operator.charAt(0);
    if (OPERATORS.indexOf(c) < 0 && operator.length() == 1) {
      throw new TemplateException(line, "unexpected character '" + operator + "'");
    }
    if ("([{".indexOf(c) >= 0) {
      open.append(c);
    } else if (")]}".indexOf(c) >= 0) {
      int last = open.length() - 1;
      if (last < 0 || "([{".indexOf(open.charAt(last)) != ")]}".indexOf(c)) {
        throw new TemplateException(line, "unexpected '" + c + "'");
      }
      open.setLength(last);
    }
    add(Kind.OPERATOR, operator);
    at += operator.length();
  }

  private void number() {
    int begin = at;
    if (source.charAt(at) == '0'
        && at + 1 < source.length()
        && "xXoObB".indexOf(source.charAt(at + 1)) >= 0) {
      at += 2;
      while (at < source.length() && (isDigit(16) || source.charAt(at) == '_')) {
        at++;
      }
      add(Kind.INTEGER, source.substring(begin, at).replace("_", ""));
      return;
    }
    digits();
    Kind kind = Kind.INTEGER;
    boolean afterDot = begin > 0 && source.charAt(begin - 1) == '.';
    if (!afterDot && at + 1 < source.length() && source.charAt(at) == '.' && isDigitAt(at + 1)) {
      kind = Kind.FLOAT;
      at++;
      digits();
    }
    if (!afterDot && at < source.length() && (source.charAt(at) | 0x20) == 'e') {
      int exponent = at + 1;
      if (exponent < source.length() && "+-".indexOf(source.charAt(exponent)) >= 0) {
        exponent++;
      }
      if (isDigitAt(exponent)) {
        kind = Kind.FLOAT;
        at = exponent;
        digits();
      }
    }
    add(kind, source.substring(begin, at).replace("_", ""));
  }

  private void digits() {
    while (at < source.length() && (isDigit(10) || source.charAt(at) == '_' && isDigitAt(at + 1))) {
      at++;
    }
  }

  private boolean isDigit(int radix) {
    return source.charAt(at) < 0x80 && Character.digit(source.charAt(at), radix) >= 0;
  }

  private boolean isDigitAt(int position) {
    return position < source.length()
        && source.charAt(position) >= '0'
        && source.charAt(position) <= '9';
  }

  private void string(char quote) {
    int begin = at++;
    while (at < source.length() && source.charAt(at) != quote) {
      at += source.charAt(at) == '\\' ? 2 : 1;
    }
    if (at >= source.length()) {
      throw new TemplateException(line, "a string isn't closed; " + quote + " is missing");
    }
    String text = source.substring(begin + 1, at++);
    tokens.add(new Token(Kind.STRING, text.indexOf('\\') < 0 ? text : unescape(text), line));
  }

  /** As Python reads a string literal. */
  private String unescape(String text) {
    StringBuilder out = new StringBuilder(text.length());
    int i = 0;
    while (i < text.length()) {
      char c = text.charAt(i++);
      if (c != '\\') {
        out.append(c);
        continue;
      }
      char escape = text.charAt(i++);
      switch (escape) {
        case '\n' -> {}
        case '\\', '\'', '"' -> out.append(escape);
        case 'a' -> out.append('\u0007');
        case 'b' -> out.append('\b');
        case 'f' -> out.append('\f');
        case 'n' -> out.append('\n');
        case 'r' -> out.append('\r');
        case 't' -> out.append('\t');
        case 'v' -> out.append('\u000B');
        case 'x' -> i = hex(text, i, 2, out);
        case 'u' -> i = hex(text, i, 4, out);
        case 'U' -> i = hex(text, i, 8, out);
        case '0', '1', '2', '3', '4', '5', '6', '7' -> {
          int end = i;
          while (end < text.length()
              && end < i + 2
              && text.charAt(end) >= '0'
              && text.charAt(end) <= '7') {
            end++;
          }
          out.append((char) Integer.parseInt(text, i - 1, end, 8));
          i = end;
        }
        case 'N' -> throw new TemplateException(line, "\\N{...} in a string is not supported");
        default -> out.append('\\').append(escape);
      }
    }
    return out.toString();
  }

  private int hex(String text, int from, int digits, StringBuilder out) {
    int end = from + digits;
    boolean valid =
        end <= text.length()
            && text.substring(from, end)
                .chars()
                .allMatch(c -> c < 0x80 && Character.digit(c, 16) >= 0);
    long codePoint = valid ? Long.parseLong(text, from, end, 16) : -1;
    if (!valid || codePoint > Character.MAX_CODE_POINT) {
      throw new TemplateException(
          line,
          "a \\"
              + text.charAt(from - 1)
              + " in a string needs "
              + digits
              + " hexadecimal digits of a character");
    }
    out.appendCodePoint((int) codePoint);
    return end;
  }
}
