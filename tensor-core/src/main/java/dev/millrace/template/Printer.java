package dev.millrace.template;

import java.util.List;

/** Python's str and repr. Punctuation of containers counts as data's: their shape decides it. */
final class Printer {
  private Printer() {}

  static Text str(Value value, Budget budget) {
    return switch (value) {
      case Text text -> text.markup() ? text.part(0, text.value().length()) : text;
      case Value.Undefined _ -> Text.EMPTY;
      case Value.None _ -> Text.template("None");
      case Value.Bool bool -> Text.template(bool.value() ? "True" : "False");
      case Value.Int whole -> Text.template(whole.value().toString());
      case Value.Real real -> Text.template(Numbers.repr(real.value()));
      case Value.Sequence _, Value.Dict _ -> repr(value, budget);
      default -> throw new TemplateException("a " + Types.name(value) + " has no text");
    };
  }

  static Text repr(Value value, Budget budget) {
    TextBuilder out = new TextBuilder(budget);
    repr(value, out, budget);
    return out.toText();
  }

  private static void repr(Value value, TextBuilder out, Budget budget) {
    budget.step();
    switch (value) {
      case Text text -> repr(text, out);
      case Value.Undefined _ -> out.append("Undefined");
      case Value.Sequence sequence -> {
        budget.enter();
        switch (sequence.kind()) {
          case LIST -> items("[", sequence.items(), "]", out, budget);
          case TUPLE ->
              items("(", sequence.items(), sequence.items().size() == 1 ? ",)" : ")", out, budget);
          case KEYS, VALUES, ITEMS ->
              items(sequence.kind().pythonName + "([", sequence.items(), "])", out, budget);
          case RANGE -> throw new TemplateException("a range has no text");
        }
        budget.leave();
      }
      case Value.Dict dict -> {
        budget.enter();
        String separator = "{";
        for (Value.Dict.Entry entry : dict.entries().values()) {
          out.appendData(separator);
          repr(entry.key(), out, budget);
          out.appendData(": ");
          repr(entry.value(), out, budget);
          separator = ", ";
        }
        out.appendData(dict.entries().isEmpty() ? "{}" : "}");
        budget.leave();
      }
      default -> out.append(str(value, budget));
    }
  }

  private static void items(
      String open, List<Value> items, String close, TextBuilder out, Budget budget) {
    out.appendData(open);
    for (int i = 0; i < items.size(); i++) {
      if (i > 0) {
        out.appendData(", ");
      }
      repr(items.get(i), out, budget);
    }
    out.appendData(close);
  }

  private static void repr(Text text, TextBuilder out) {
    String value = text.value();
    char quote = value.indexOf('\'') >= 0 && value.indexOf('"') < 0 ? '"' : '\'';
    out.appendData(String.valueOf(quote));
    int plainFrom = 0;
    for (int i = 0; i < value.length(); ) {
      int c = value.codePointAt(i);
      int end = i + Character.charCount(c);
      String escape = escape(c, quote);
      if (!escape.isEmpty()) {
        out.append(text, plainFrom, i).appendData(escape);
        plainFrom = end;
      }
      i = end;
    }
    out.append(text, plainFrom, value.length()).appendData(String.valueOf(quote));
  }

  /** Empty for what stands for itself. */
  private static String escape(int c, char quote) {
    return switch (c) {
      case '\n' -> "\\n";
      case '\r' -> "\\r";
      case '\t' -> "\\t";
      case '\\' -> "\\\\";
      default ->
          c == quote
              ? "\\" + quote
              : isPrintable(c)
                  ? ""
                  : c < 0x100
                      ? "\\x%02x".formatted(c)
                      : c < 0x10000 ? "\\u%04x".formatted(c) : "\\U%08x".formatted(c);
    };
  }

  static boolean isPrintable(int c) {
    return c == ' '
        || switch (Character.getType(c)) {
          case Character.CONTROL,
              Character.FORMAT,
              Character.SURROGATE,
              Character.PRIVATE_USE,
              Character.UNASSIGNED,
              Character.LINE_SEPARATOR,
              Character.PARAGRAPH_SEPARATOR,
              Character.SPACE_SEPARATOR ->
              false;
          default -> true;
        };
  }
}
