package dev.millrace.template;

import java.util.List;
import java.util.Map;
import java.util.Objects;

/** jinja2's filters of texts that aren't methods of strings. */
final class TextFilters {
  private static final String WORD_BORDERS = "-({[<";

  private TextFilters() {}

  static Value replace(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("replace", 2, "old", "new", "count");
    Integer count = bound.findInteger(2);
    return TextMethods.replace(
        Filters.text(input, in),
        Filters.text(bound.get(0), in),
        Filters.text(bound.get(1), in),
        count == null ? -1 : count,
        in.budget());
  }

  /** Words begin behind blanks, hyphens and opening brackets. */
  static Value title(Value input, Arguments arguments, Interpreter in) {
    arguments.bind("title", 0);
    Text text = Filters.text(input, in);
    in.budget().make(text.value().length());
    return text.map(
        value -> {
          StringBuilder out = new StringBuilder();
          int from = 0;
          for (int i = 0; i <= value.length(); i++) {
            boolean border =
                i == value.length()
                    || WORD_BORDERS.indexOf(value.charAt(i)) >= 0
                    || Text.isSpace(value.charAt(i));
            if (border) {
              out.append(TextMethods.capitalize(value.substring(from, i)));
              if (i < value.length()) {
                out.append(value.charAt(i));
              }
              from = i + 1;
            }
          }
          return out.toString();
        });
  }

  static Value indent(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("indent", 0, "width", "first", "blank");
    Text text = Filters.text(input, in);
    Text width =
        bound.get(0, Value.of(4)) instanceof Text given
            ? given
            : TextMethods.padded(
                Text.EMPTY, Text.template(" "), Math.max(0, bound.integer(0, 4)), 0, in.budget());
    boolean first = bound.flag(1, false);
    boolean blank = bound.flag(2, false);
    TextBuilder out = new TextBuilder(in.budget());
    int from = 0;
    String value = text.value();
    while (true) {
      int newline = value.indexOf('\n', from);
      int end = newline < 0 ? value.length() : newline;
      boolean indented = from == 0 ? first : blank || end > from;
      if (indented) {
        out.append(width);
      }
      out.append(text, from, newline < 0 ? end : end + 1);
      if (newline < 0) {
        return out.toText();
      }
      from = newline + 1;
    }
  }

  static Value center(Value input, Arguments arguments, Interpreter in) {
    Value method = Methods.find(Filters.text(input, in), "center");
    int width = arguments.bind("center", 0, "width").integer(0, 80);
    return in.evaluator()
        .call(Objects.requireNonNull(method), new Arguments(List.of(Value.of(width)), Map.of()));
  }

  static Value truncate(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("truncate", 0, "length", "killwords", "end", "leeway");
    int most = bound.integer(0, 255);
    Text end = bound.find(2) == null ? Text.template("...") : bound.text(2);
    int leeway = bound.integer(3, 5);
    Text text = Filters.text(input, in);
    int room = most - end.length();
    if (room < 0 || leeway < 0) {
      throw new TemplateException(
          "truncate: the length must hold the end, the leeway isn't negative");
    }
    if (text.length() <= (long) most + leeway) {
      return text;
    }
    Text cut = text.part(0, text.value().offsetByCodePoints(0, room));
    int blank = cut.value().lastIndexOf(' ');
    if (!bound.flag(1, false) && blank >= 0) {
      cut = cut.part(0, blank);
    }
    return Operators.add(cut, end, in.budget());
  }

  static Value wordCount(Value input, Arguments arguments, Interpreter in) {
    arguments.bind("wordcount", 0);
    String text = Filters.text(input, in).value();
    in.budget().make(text.length());
    long words = 0;
    boolean inWord = false;
    for (int c : text.codePoints().toArray()) {
      boolean part = Character.isLetterOrDigit(c) || c == '_';
      words += part && !inWord ? 1 : 0;
      inWord = part;
    }
    return Value.of(words);
  }
}
