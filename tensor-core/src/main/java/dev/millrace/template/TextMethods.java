package dev.millrace.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** Python's methods of strings. */
final class TextMethods {
  private TextMethods() {}

  static Value.@Nullable Function find(Text text, String name) {
    Value.Function method = method(text, name);
    return method == null
        ? null
        : (in, arguments) -> {
          in.budget().read(text.value().length()); // as most do
          return method.call(in, arguments);
        };
  }

  private static Value.@Nullable Function method(Text text, String name) {
    return switch (name) {
      case "strip" -> strip(text, name, true, true);
      case "lstrip" -> strip(text, name, true, false);
      case "rstrip" -> strip(text, name, false, true);
      case "split" -> (in, arguments) -> split(text, arguments, false, in.budget());
      case "rsplit" -> (in, arguments) -> split(text, arguments, true, in.budget());
      case "splitlines" -> (in, arguments) -> splitLines(text, arguments, in.budget());
      case "partition" -> (in, arguments) -> partition(text, arguments, false, in.budget());
      case "rpartition" -> (in, arguments) -> partition(text, arguments, true, in.budget());
      case "join" ->
          (in, arguments) ->
              join(
                  text,
                  Types.iterate(arguments.bind(name, 1, "items").get(0), in.budget()),
                  in.budget());
      case "replace" ->
          (in, arguments) -> {
            Arguments.Bound bound = arguments.bind(name, 2, "old", "new", "count");
            return replace(text, bound.text(0), bound.text(1), bound.integer(2, -1), in.budget());
          };
      case "startswith" -> affix(text, name, true);
      case "endswith" -> affix(text, name, false);
      case "removeprefix" ->
          (in, arguments) -> {
            String prefix = arguments.bind(name, 1, "prefix").text(0).value();
            return text.value().startsWith(prefix)
                ? text.part(prefix.length(), text.value().length(), in.budget())
                : text;
          };
      case "removesuffix" ->
          (in, arguments) -> {
            String suffix = arguments.bind(name, 1, "suffix").text(0).value();
            return text.value().endsWith(suffix)
                ? text.part(0, text.value().length() - suffix.length(), in.budget())
                : text;
          };
      case "find", "rfind", "index", "rindex", "count" ->
          (in, arguments) -> seek(text, name, arguments, in.budget());
      case "upper" -> changed(name, text, TextMethods::upper);
      case "lower", "casefold" -> changed(name, text, TextMethods::lower);
      case "title" -> changed(name, text, TextMethods::title);
      case "capitalize" -> changed(name, text, TextMethods::capitalize);
      case "swapcase" -> changed(name, text, TextMethods::swapCase);
      case "format" -> (in, arguments) -> BraceFormat.format(text, arguments, in.budget());
      case "center", "ljust", "rjust" -> (in, arguments) -> pad(text, name, arguments, in.budget());
      case "zfill" -> (in, arguments) -> zfill(text, arguments, in.budget());
      case "expandtabs" ->
          (in, arguments) ->
              expandTabs(text, arguments.bind(name, 0, "tabsize").integer(0, 8), in.budget());
      case "isdigit", "isdecimal", "isnumeric" -> is(text, name, Character::isDigit);
      case "isalpha" -> is(text, name, Character::isLetter);
      case "isalnum" -> is(text, name, Character::isLetterOrDigit);
      case "isspace" -> is(text, name, Text::isSpace);
      case "isprintable" ->
          (in, arguments) -> Value.of(text.value().codePoints().allMatch(Printer::isPrintable));
      case "isascii" -> (in, arguments) -> Value.of(text.value().chars().allMatch(c -> c < 0x80));
      case "isupper" ->
          (in, arguments) -> Value.of(isCased(text) && upper(text.value()).equals(text.value()));
      case "islower" ->
          (in, arguments) -> Value.of(isCased(text) && lower(text.value()).equals(text.value()));
      case "istitle" ->
          (in, arguments) -> Value.of(isCased(text) && title(text.value()).equals(text.value()));
      default -> null;
    };
  }

  private static Value.Function strip(Text text, String name, boolean left, boolean right) {
    return (in, arguments) -> {
      Text characters = arguments.bind(name, 0, "chars").findText(0);
      return strip(text, characters, left, right, in.budget());
    };
  }

  /**
   * @param characters to take away; null is white space
   */
  static Text strip(
      Text text, @Nullable Text characters, boolean left, boolean right, Budget budget) {
    budget.make(text.value().length());
    if (characters == null) {
      return text.strip(Text::isSpace, left, right);
    }
    budget.read(characters.value().length());
    BitSet set = new BitSet();
    characters.value().codePoints().forEach(set::set);
    return text.strip(set::get, left, right);
  }

  private static Value.Function changed(String name, Text text, UnaryOperator<String> change) {
    return (in, arguments) -> {
      arguments.bind(name, 0);
      in.budget().make(text.value().length());
      return text.map(change);
    };
  }

  static String upper(String text) {
    return text.toUpperCase(Locale.ROOT);
  }

  static String lower(String text) {
    return text.toLowerCase(Locale.ROOT);
  }

  static String capitalize(String text) {
    if (text.isEmpty()) {
      return text;
    }
    int first = Character.charCount(text.codePointAt(0));
    return titleCase(text.codePointAt(0)) + lower(text.substring(first));
  }

  private static String titleCase(int codePoint) {
    int title = Character.toTitleCase(codePoint);
    return title != codePoint ? Character.toString(title) : upper(Character.toString(codePoint));
  }

  private static String title(String text) {
    StringBuilder out = new StringBuilder();
    boolean inWord = false;
    for (int c : text.codePoints().toArray()) {
      out.append(inWord ? lower(Character.toString(c)) : titleCase(c));
      inWord = Character.isLetter(c);
    }
    return out.toString();
  }

  private static String swapCase(String text) {
    StringBuilder out = new StringBuilder();
    for (int c : text.codePoints().toArray()) {
      String one = Character.toString(c);
      out.append(Character.isUpperCase(c) ? lower(one) : upper(one));
    }
    return out.toString();
  }

  private static boolean isCased(Text text) {
    return text.value()
        .codePoints()
        .anyMatch(
            c -> Character.isUpperCase(c) || Character.isLowerCase(c) || Character.isTitleCase(c));
  }

  private static Value.Function is(Text text, String name, IntPredicate test) {
    return (in, arguments) -> {
      arguments.bind(name, 0);
      return Value.of(!text.isEmpty() && text.value().codePoints().allMatch(test));
    };
  }

  private static Value.Function affix(Text text, String name, boolean start) {
    return (in, arguments) -> {
      Arguments.Bound bound = arguments.bind(name, 1, "affix", "start", "end");
      Text within = (Text) within(text, bound, in.budget());
      List<Value> affixes =
          bound.get(0) instanceof Value.Sequence several ? several.items() : List.of(bound.text(0));
      for (Value affix : affixes) {
        if (!(affix instanceof Text wanted)) {
          throw new TemplateException(name + " wants a str or a tuple of them");
        }
        String value = within.value();
        in.budget().step();
        in.budget().read(Operators.common(within, wanted));
        if (start ? value.startsWith(wanted.value()) : value.endsWith(wanted.value())) {
          return Value.TRUE;
        }
      }
      return Value.FALSE;
    };
  }

  private static Value within(Text text, Arguments.Bound bound, Budget budget) {
    Integer from = bound.findInteger(1);
    Integer to = bound.findInteger(2);
    return from == null && to == null
        ? text
        : Slices.slice(
            text,
            from == null ? null : BigInteger.valueOf(from),
            to == null ? null : BigInteger.valueOf(to),
            null,
            budget);
  }

  private static Value seek(Text text, String name, Arguments arguments, Budget budget) {
    Arguments.Bound bound = arguments.bind(name, 1, "part", "start", "end");
    String part = bound.text(0).value();
    String value = ((Text) within(text, bound, budget)).value();
    if (name.equals("count")) {
      return Value.of(
          part.isEmpty()
              ? value.codePointCount(0, value.length()) + 1
              : occurrences(value, part, budget).size());
    }
    int at;
    if (part.isEmpty()) {
      at = name.startsWith("r") ? value.length() : 0;
    } else if (name.startsWith("r")) {
      List<Integer> places = fromRight(value, part, budget);
      at = places.isEmpty() ? -1 : places.getLast();
    } else {
      at = Search.indexOf(value, part, 0, budget);
    }
    if (at < 0 && name.endsWith("index")) {
      throw new TemplateException(name + ": the text has no such part");
    }
    Integer from = bound.findInteger(1);
    int skipped = from == null ? 0 : from < 0 ? Math.max(0, text.length() + from) : from;
    return Value.of(at < 0 ? -1 : skipped + value.codePointCount(0, at));
  }

  /** From left to right, without overlaps; part isn't empty. */
  private static List<Integer> occurrences(String text, String part, Budget budget) {
    List<Integer> found = new ArrayList<>();
    int at = Search.indexOf(text, part, 0, budget);
    while (at >= 0) {
      budget.step();
      budget.make(1);
      found.add(at);
      at = Search.indexOf(text, part, at + part.length(), budget);
    }
    return found;
  }

  static Text replace(Text text, Text old, Text replacement, int count, Budget budget) {
    TextBuilder out = new TextBuilder(budget);
    String value = text.value();
    int from = 0;
    int done = 0;
    if (old.isEmpty()) { // before each character, and at the end
      while (done != count && from <= value.length()) {
        out.append(replacement);
        done++;
        if (from == value.length()) {
          return out.toText();
        }
        int end = from + Character.charCount(value.codePointAt(from));
        out.append(text, from, end);
        from = end;
      }
      return out.append(text, from, value.length()).toText();
    }
    for (int at : occurrences(value, old.value(), budget)) {
      if (done++ == count) {
        break;
      }
      out.append(text, from, at).append(replacement);
      from = at + old.value().length();
    }
    return out.append(text, from, value.length()).toText();
  }

  private static Value split(Text text, Arguments arguments, boolean fromRight, Budget budget) {
    Arguments.Bound bound = arguments.bind("split", 0, "sep", "maxsplit");
    Text separator = bound.findText(0);
    int most = bound.integer(1, -1);
    List<Text> parts =
        separator == null
            ? words(text, most, fromRight, budget)
            : separated(text, separator.value(), most, fromRight, budget);
    return Value.list(parts);
  }

  private static List<Text> separated(
      Text text, String separator, int most, boolean fromRight, Budget budget) {
    if (separator.isEmpty()) {
      throw new TemplateException("split: the separator is empty");
    }
    List<Integer> places =
        fromRight
            ? fromRight(text.value(), separator, budget)
            : occurrences(text.value(), separator, budget);
    int count = most < 0 ? places.size() : Math.min(most, places.size());
    List<Integer> used =
        fromRight ? places.subList(places.size() - count, places.size()) : places.subList(0, count);
    List<Text> parts = new ArrayList<>();
    int from = 0;
    for (int at : used) {
      parts.add(text.part(from, at, budget));
      from = at + separator.length();
    }
    parts.add(text.part(from, text.value().length(), budget));
    return parts;
  }

  /** Occurrences as found from the right, but ascending. */
  private static List<Integer> fromRight(String text, String part, Budget budget) {
    String reversed = new StringBuilder(text).reverse().toString();
    List<Integer> places = new ArrayList<>();
    for (int at : occurrences(reversed, new StringBuilder(part).reverse().toString(), budget)) {
      places.add(text.length() - at - part.length());
    }
    Collections.reverse(places);
    return places;
  }

  /** Once there are so many of them, the rest is the last one. */
  private static List<Text> words(Text text, int most, boolean fromRight, Budget budget) {
    return fromRight ? wordsFromRight(text, most, budget) : wordsFromLeft(text, most, budget);
  }

  private static List<Text> wordsFromLeft(Text text, int most, Budget budget) {
    String value = text.value();
    List<Text> words = new ArrayList<>();
    int end = 0;
    while (true) {
      int begin = end;
      while (begin < value.length() && Text.isSpace(value.charAt(begin))) {
        begin++;
      }
      if (begin == value.length()) {
        return words;
      }
      end = words.size() == most ? value.length() : begin;
      while (end < value.length() && !Text.isSpace(value.charAt(end))) {
        end++;
      }
      words.add(text.part(begin, end, budget));
    }
  }

  private static List<Text> wordsFromRight(Text text, int most, Budget budget) {
    String value = text.value();
    List<Text> words = new ArrayList<>();
    int begin = value.length();
    while (true) {
      int end = begin;
      while (end > 0 && Text.isSpace(value.charAt(end - 1))) {
        end--;
      }
      if (end == 0) {
        Collections.reverse(words);
        return words;
      }
      begin = words.size() == most ? 0 : end;
      while (begin > 0 && !Text.isSpace(value.charAt(begin - 1))) {
        begin--;
      }
      words.add(text.part(begin, end, budget));
    }
  }

  private static Value splitLines(Text text, Arguments arguments, Budget budget) {
    boolean keep = arguments.bind("splitlines", 0, "keepends").flag(0, false);
    String value = text.value();
    List<Value> lines = new ArrayList<>();
    int from = 0;
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c >= 0x0A && c <= 0x0D
          || c >= 0x1C && c <= 0x1E
          || c == 0x85
          || c == 0x2028
          || c == 0x2029) {
        boolean pair = c == '\r' && value.startsWith("\n", i + 1);
        int end = i + (pair ? 2 : 1);
        lines.add(text.part(from, keep ? end : i, budget));
        from = end;
        i = end - 1;
      }
    }
    if (from < value.length()) {
      lines.add(text.part(from, value.length(), budget));
    }
    return Value.list(lines);
  }

  private static Value partition(Text text, Arguments arguments, boolean last, Budget budget) {
    Text separator = arguments.bind("partition", 1, "sep").text(0);
    List<Text> parts = separated(text, separator.value(), 1, last, budget);
    if (parts.size() == 1) {
      return last
          ? Value.tuple(Text.EMPTY, Text.EMPTY, text)
          : Value.tuple(text, Text.EMPTY, Text.EMPTY);
    }
    return Value.tuple(parts.get(0), separator, parts.get(1));
  }

  static Text join(Text separator, List<Value> items, Budget budget) {
    TextBuilder out = new TextBuilder(budget);
    for (int i = 0; i < items.size(); i++) {
      if (i > 0) {
        out.append(separator);
      }
      if (!(items.get(i) instanceof Text item)) {
        throw new TemplateException("join wants texts, not a " + Types.name(items.get(i)));
      }
      out.append(item);
    }
    return out.toText();
  }

  private static Value pad(Text text, String name, Arguments arguments, Budget budget) {
    Arguments.Bound bound = arguments.bind(name, 1, "width", "fill");
    Text fill = bound.findText(1);
    int missing = Math.max(0, bound.integer(0, 0) - text.length());
    int left =
        switch (name) {
          case "ljust" -> 0;
          case "rjust" -> missing;
          default -> missing / 2 + (missing & bound.integer(0, 0) & 1); // as CPython rounds
        };
    return padded(text, fill == null ? Text.template(" ") : fill, left, missing - left, budget);
  }

  static Text padded(Text text, Text fill, int left, int right, Budget budget) {
    if (fill.length() != 1) {
      throw new TemplateException("what fills must be one character");
    }
    TextBuilder out = new TextBuilder(budget);
    for (int i = 0; i < left; i++) {
      out.append(fill);
    }
    out.append(text);
    for (int i = 0; i < right; i++) {
      out.append(fill);
    }
    return out.toText();
  }

  private static Value zfill(Text text, Arguments arguments, Budget budget) {
    int missing = Math.max(0, arguments.bind("zfill", 1, "width").integer(0, 0) - text.length());
    boolean signed = text.value().startsWith("-") || text.value().startsWith("+");
    Text digits = signed ? text.part(1, text.value().length()) : text;
    Text filled = padded(digits, Text.template("0"), missing, 0, budget);
    return signed ? Operators.add(text.part(0, 1), filled, budget) : filled;
  }

  private static Value expandTabs(Text text, int size, Budget budget) {
    TextBuilder out = new TextBuilder(budget);
    int column = 0;
    for (Value each : Types.iterate(text, budget)) {
      Text character = (Text) each;
      if (character.value().equals("\t")) {
        int blanks = size <= 0 ? 0 : size - column % size;
        budget.make(blanks);
        out.append(" ".repeat(blanks));
        column += blanks;
      } else {
        out.append(character);
        column = "\r\n".contains(character.value()) ? 0 : column + 1;
      }
    }
    return out.toText();
  }
}
