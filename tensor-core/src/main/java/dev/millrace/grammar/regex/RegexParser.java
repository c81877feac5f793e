package dev.millrace.grammar.regex;

import dev.millrace.grammar.automaton.Budget;
import dev.millrace.grammar.automaton.CodePoints;
import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.grammar.automaton.Pattern;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Reads regular expressions in ECMA-262's syntax with its u flag, over whole characters, and with
 * what its Annex B forgives (a brace or bracket that closes nothing is itself). What isn't regular
 * (backreferences), or looks around, is refused; groups capture nothing, and lazy quantifiers say
 * the same language as greedy ones.
 */
public final class RegexParser {
  /** Recursion here and in whoever reads the pattern. */
  private static final int MAX_DEPTH = 200;

  private static final String SYNTAX = "^$\\.*+?()[]{}|/";

  private final int[] text; // code points
  private int at;
  private final Budget budget;
  private int depth;

  private RegexParser(String expression, Budget budget) {
    this.text = expression.codePoints().toArray();
    this.budget = budget;
  }

  /**
   * @return the texts that the expression matches from begin to end
   * @throws FormatException saying what is wrong and at which character
   */
  public static Pattern parse(String expression, Budget budget) {
    RegexParser parser = new RegexParser(expression, budget);
    Pattern pattern = parser.either();
    if (parser.at < parser.text.length) {
      throw parser.wrong("a ')' that closes nothing");
    }
    return pattern;
  }

  /** The texts in which the expression matches somewhere, as JSON Schema's pattern means it. */
  public static Pattern parseUnanchored(String expression, Budget budget) {
    return Pattern.sequence(Pattern.anything(), parse(expression, budget), Pattern.anything());
  }

  private Pattern either() {
    if (++depth > MAX_DEPTH) {
      throw wrong("groups nested deeper than " + MAX_DEPTH);
    }
    List<Pattern> options = new ArrayList<>(List.of(sequence()));
    while (take('|')) {
      options.add(sequence());
    }
    depth--;
    return options.size() == 1 ? options.getFirst() : new Pattern.Either(options);
  }

  private Pattern sequence() {
    List<Pattern> parts = new ArrayList<>();
    while (at < text.length && text[at] != '|' && text[at] != ')') {
      parts.add(quantified());
    }
    return parts.size() == 1 ? parts.getFirst() : new Pattern.Sequence(parts);
  }

  private Pattern quantified() {
    int begin = at;
    Pattern one = atom();
    Pattern repeated = quantifier(one);
    if (repeated == null) {
      return one;
    }
    if (one instanceof Pattern.Begin || one instanceof Pattern.End) {
      at = begin;
      throw wrong("an anchor can't be repeated");
    }
    take('?'); // lazy: the same texts
    if (quantifier(one) != null) {
      throw wrong("nothing to repeat");
    }
    return repeated;
  }

  /** A pattern repeated as the quantifier says that comes next; null if none does. */
  private @Nullable Pattern quantifier(Pattern one) {
    if (take('*')) {
      return one.repeated(0, Pattern.UNBOUNDED);
    }
    if (take('+')) {
      return one.repeated(1, Pattern.UNBOUNDED);
    }
    if (take('?')) {
      return one.optional();
    }
    int begin = at;
    if (take('{')) {
      int least = number();
      int most = least;
      if (take(',')) {
        most = at < text.length && text[at] == '}' ? Pattern.UNBOUNDED : number();
      }
      if (least >= 0 && most >= 0 && take('}')) {
        if (most < least) {
          at = begin;
          throw wrong("a repetition from " + least + " to " + most + " times");
        }
        return one.repeated(least, most);
      }
      at = begin;
    }
    return null;
  }

  /** Digits as a number, as large as can be if it is larger; −1 if there are none. */
  private int number() {
    long value = -1;
    while (at < text.length && text[at] >= '0' && text[at] <= '9') {
      value = Math.min(Integer.MAX_VALUE - 1L, Math.max(value, 0) * 10 + text[at++] - '0');
    }
    return (int) value;
  }

  private Pattern atom() {
    int c = text[at++];
    return switch (c) {
      case '^' -> new Pattern.Begin();
      case '$' -> new Pattern.End();
      case '.' -> oneOf(CharacterClasses.DOT);
      case '(' -> group();
      case '[' -> oneOf(characterClass());
      case '\\' -> escape();
      case '*', '+', '?' -> {
        at--;
        throw wrong("nothing to repeat");
      }
      default -> oneOf(character(c));
    };
  }

  private Pattern oneOf(CodePoints set) {
    return new Pattern.OneOf(counted(set));
  }

  /** A set that stays until the whole is read takes room by its ranges. */
  private CodePoints counted(CodePoints set) {
    budget.spend(1 + set.size());
    return set;
  }

  private CodePoints character(int c) {
    if (c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE) {
      throw wrong("half of a surrogate pair: no text has one");
    }
    return CodePoints.of(c);
  }

  private Pattern group() {
    if (take('?')) {
      if (take('<')) {
        if (at < text.length && (text[at] == '=' || text[at] == '!')) {
          throw wrong("looking behind isn't supported");
        }
        while (at < text.length && text[at] != '>') {
          at++;
        }
        expect('>', "a group's name ends with '>'");
      } else if (at < text.length && (text[at] == '=' || text[at] == '!')) {
        throw wrong("looking ahead isn't supported");
      } else {
        expect(':', "behind '(?' only ':' and a name are supported");
      }
    }
    Pattern inside = either();
    expect(')', "a '(' that isn't closed");
    return inside;
  }

  private Pattern escape() {
    int c = next("a backslash at the end");
    return switch (c) {
      case 'b', 'B' -> throw wrong("word boundaries aren't supported");
      case 'k' -> throw wrong("references to groups aren't supported: they aren't regular");
      default -> {
        if (c >= '1' && c <= '9') {
          throw wrong("references to groups aren't supported: they aren't regular");
        }
        yield oneOf(escaped(c));
      }
    };
  }

  /** What an escape stands for that means the same inside classes and outside. */
  private CodePoints escaped(int c) {
    return switch (c) {
      case 'd' -> CharacterClasses.DIGIT;
      case 'D' -> CharacterClasses.DIGIT.not();
      case 'w' -> CharacterClasses.WORD;
      case 'W' -> CharacterClasses.WORD.not();
      case 's' -> CharacterClasses.SPACE;
      case 'S' -> CharacterClasses.SPACE.not();
      case 'p' -> property();
      case 'P' -> property().not();
      case 't' -> CodePoints.of('\t');
      case 'n' -> CodePoints.of('\n');
      case 'v' -> CodePoints.of(0x0B);
      case 'f' -> CodePoints.of('\f');
      case 'r' -> CodePoints.of('\r');
      case 'c' -> CodePoints.of(controlLetter());
      case '0' -> {
        if (at < text.length && text[at] >= '0' && text[at] <= '9') {
          throw wrong("octal escapes aren't supported");
        }
        yield CodePoints.of(0);
      }
      case 'x' -> CodePoints.of(hex(2));
      case 'u' -> character(unicodeEscape());
      default -> {
        boolean letterOrDigit = c < 128 && Character.isLetterOrDigit(c);
        if (letterOrDigit && SYNTAX.indexOf(c) < 0) {
          at--;
          throw wrong("no escape of ECMA-262's: \\" + Character.toString(c));
        }
        yield character(c);
      }
    };
  }

  private int controlLetter() {
    int c = next("\\c wants a letter");
    if (c < 'A' || c > 'z' || c > 'Z' && c < 'a') {
      throw wrong("\\c wants a letter");
    }
    return c % 32;
  }

  private int unicodeEscape() {
    if (take('{')) {
      int value = 0;
      int begin = at;
      while (at < text.length && hexDigit(text[at]) >= 0 && value <= Character.MAX_CODE_POINT) {
        value = value * 16 + hexDigit(text[at++]);
      }
      if (at == begin || value > Character.MAX_CODE_POINT) {
        throw wrong("\\u{...} wants a number to 10FFFF");
      }
      expect('}', "\\u{...} isn't closed");
      return value;
    }
    int first = hex(4);
    if (Character.isHighSurrogate((char) first)
        && at + 1 < text.length
        && text[at] == '\\'
        && text[at + 1] == 'u') {
      at += 2;
      int second = hex(4);
      if (!Character.isLowSurrogate((char) second)) {
        throw wrong("half of a surrogate pair: no text has one");
      }
      return Character.toCodePoint((char) first, (char) second);
    }
    return first;
  }

  private int hex(int digits) {
    int value = 0;
    for (int i = 0; i < digits; i++) {
      int digit = at < text.length ? hexDigit(text[at]) : -1;
      if (digit < 0) {
        throw wrong(digits + " hexadecimal digits wanted");
      }
      value = value * 16 + digit;
      at++;
    }
    return value;
  }

  private static int hexDigit(int c) {
    return c < 128 ? Character.digit(c, 16) : -1;
  }

  private CodePoints property() {
    expect('{', "\\p wants a property in braces");
    int begin = at;
    while (at < text.length && text[at] != '}') {
      at++;
    }
    String name = new String(text, begin, at - begin);
    expect('}', "\\p{...} isn't closed");
    CodePoints set = CharacterClasses.property(name);
    if (set.isEmpty()) {
      at = begin;
      throw wrong(
          "'"
              + name
              + "' is no property that is supported: general categories, Script=..., Any, ASCII,"
              + " Alphabetic, Lowercase, Uppercase and White_Space are");
    }
    return set;
  }

  private CodePoints characterClass() {
    boolean negated = take('^');
    List<CodePoints> members = new ArrayList<>();
    while (at < text.length && text[at] != ']') {
      CodePoints from = counted(classMember());
      if (at + 1 < text.length && text[at] == '-' && text[at + 1] != ']') {
        at++;
        members.add(range(from, classMember()));
      } else {
        members.add(from);
      }
    }
    expect(']', "a '[' that isn't closed");
    CodePoints set = CodePoints.union(members);
    return negated ? set.not() : set;
  }

  private CodePoints classMember() {
    int c = next("a '[' that isn't closed");
    if (c != '\\') {
      return character(c);
    }
    int escaped = next("a backslash at the end");
    if (escaped == 'b') {
      return CodePoints.of('\b');
    }
    if (escaped >= '1' && escaped <= '9') {
      throw wrong("octal escapes aren't supported");
    }
    return escaped(escaped);
  }

  private CodePoints range(CodePoints from, CodePoints to) {
    boolean single = isSingle(from) && isSingle(to);
    if (!single || from.first(0) > to.first(0)) {
      throw wrong("a range of characters whose ends don't ascend");
    }
    return CodePoints.range(from.first(0), to.first(0));
  }

  private static boolean isSingle(CodePoints set) {
    return set.size() == 1 && set.first(0) == set.last(0);
  }

  private int next(String missing) {
    if (at >= text.length) {
      throw wrong(missing);
    }
    return text[at++];
  }

  private boolean take(char c) {
    boolean there = at < text.length && text[at] == c;
    at += there ? 1 : 0;
    return there;
  }

  private void expect(char c, String message) {
    if (!take(c)) {
      throw wrong(message);
    }
  }

  private FormatException wrong(String message) {
    return new FormatException("", "regular expression, at character " + at + ": " + message);
  }
}
