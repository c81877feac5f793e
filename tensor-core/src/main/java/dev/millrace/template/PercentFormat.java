package dev.millrace.template;

import java.util.List;

/** Python's {@code "..." % values}. */
final class PercentFormat {
  private PercentFormat() {}

  static Text format(Text format, Value values, Budget budget) {
    List<Value> items =
        values instanceof Value.Sequence sequence && sequence.kind() == Value.Sequence.Kind.TUPLE
            ? sequence.items()
            : List.of(values);
    String source = format.value();
    TextBuilder out = new TextBuilder(budget);
    int used = 0;
    int at = 0;
    while (at < source.length()) {
      int percent = source.indexOf('%', at);
      int plainEnd = percent < 0 ? source.length() : percent;
      out.append(format, at, plainEnd);
      at = plainEnd;
      if (percent < 0) {
        break;
      }
      if (source.startsWith("%%", at)) {
        out.append(format, at, at + 1);
        at += 2;
        continue;
      }
      boolean named = source.startsWith("%(", at);
      Value value;
      if (named) {
        int close = source.indexOf(')', at);
        Value member =
            close > 0 && values instanceof Value.Dict dict
                ? dict.get(source.substring(at + 2, close))
                : null;
        if (member == null) {
          throw new TemplateException("%: the values have no member for a named field");
        }
        value = member;
        at = close;
      } else if (used < items.size()) {
        value = items.get(used++);
      } else {
        throw new TemplateException("%: fewer values than fields");
      }
      at = field(source, at + 1, value, out, budget);
    }
    if (used < items.size() && !(values instanceof Value.Dict)) {
      throw new TemplateException("%: more values than fields");
    }
    return out.toText();
  }

  /** Returns where the field ends. */
  private static int field(String source, int from, Value value, TextBuilder out, Budget budget) {
    int at = from;
    boolean left = false;
    boolean zeros = false;
    char sign = '-';
    for (; at < source.length() && "-0+ #".indexOf(source.charAt(at)) >= 0; at++) {
      switch (source.charAt(at)) {
        case '-' -> left = true;
        case '0' -> zeros = true;
        case '#' -> throw new TemplateException("%: the flag # is not supported");
        default -> sign = source.charAt(at);
      }
    }
    int end = FormatSpec.digits(source, at);
    int width = FormatSpec.number(source, at, end);
    at = end;
    int precision = -1;
    if (at < source.length() && source.charAt(at) == '.') {
      end = FormatSpec.digits(source, at + 1);
      precision = FormatSpec.number(source, at + 1, end);
      at = end;
    }
    char type = at < source.length() ? source.charAt(at) : 0;
    char align = left ? '<' : zeros && type != 's' && type != 'r' ? '=' : '>';
    char fill = align == '=' ? '0' : ' ';
    Value printed = value;
    switch (type) {
      case 's' -> printed = Printer.str(value, budget);
      case 'r' -> printed = Printer.repr(value, budget);
      case 'd', 'i', 'u' -> printed = Globals.truncate(value);
      case 'x', 'X', 'f', 'F', 'e', 'E', 'g' -> {}
      default -> throw new TemplateException("%: an unknown field in '" + source + "'");
    }
    char formatType = type == 'r' ? 's' : type == 'i' || type == 'u' ? 'd' : type;
    out.append(
        new FormatSpec(fill, align, sign, false, width, precision, formatType)
            .apply(printed, budget));
    return at + 1;
  }
}
