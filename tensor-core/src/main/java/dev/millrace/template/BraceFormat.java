package dev.millrace.template;

/** Python's str.format, without attributes and indices behind a field's name. */
final class BraceFormat {
  private BraceFormat() {}

  static Text format(Text format, Arguments arguments, Budget budget) {
    String source = format.value();
    TextBuilder out = new TextBuilder(budget);
    int next = 0; // of the fields without a name
    int at = 0;
    while (at < source.length()) {
      char c = source.charAt(at);
      boolean doubled = at + 1 < source.length() && source.charAt(at + 1) == c;
      if ((c == '{' || c == '}') && doubled) {
        out.append(format, at, at + 1);
        at += 2;
      } else if (c == '{') {
        int end = source.indexOf('}', at);
        if (end < 0) {
          throw new TemplateException("format: a '{' isn't closed");
        }
        String field = source.substring(at + 1, end);
        boolean numbered = !field.isEmpty() && "!:".indexOf(field.charAt(0)) < 0;
        out.append(field(field, numbered ? -1 : next++, arguments, budget));
        at = end + 1;
      } else if (c == '}') {
        throw new TemplateException("format: a '}' stands alone");
      } else {
        int end = at;
        while (end < source.length() && "{}".indexOf(source.charAt(end)) < 0) {
          end++;
        }
        out.append(format, at, end);
        at = end;
      }
    }
    return out.toText();
  }

  /**
   * @param number of the argument, or -1 if the field names it
   */
  private static Text field(String field, int number, Arguments arguments, Budget budget) {
    int colon = field.indexOf(':');
    String head = colon < 0 ? field : field.substring(0, colon);
    FormatSpec spec = FormatSpec.parse(colon < 0 ? "" : field.substring(colon + 1));
    int mark = head.indexOf('!');
    String conversion = mark < 0 ? "" : head.substring(mark + 1);
    String name = mark < 0 ? head : head.substring(0, mark);
    Value value = argument(name, number, arguments);
    return switch (conversion) {
      case "" -> {
        boolean plain = value instanceof Text || Numbers.isNumber(value);
        if (!plain && colon >= 0 && colon + 1 < field.length()) {
          throw new TemplateException("format: a " + Types.name(value) + " takes no specification");
        }
        yield spec.apply(value, budget);
      }
      case "s" -> spec.apply(Printer.str(value, budget), budget);
      case "r" -> spec.apply(Printer.repr(value, budget), budget);
      default ->
          throw new TemplateException(
              "format: the conversion !" + conversion + " is not supported");
    };
  }

  private static Value argument(String name, int number, Arguments arguments) {
    boolean byNumber = number >= 0 || FormatSpec.digits(name, 0) == name.length();
    if (byNumber) {
      int at = number >= 0 ? number : FormatSpec.number(name, 0, name.length());
      if (at >= arguments.positional().size()) {
        throw new TemplateException("format: there is no argument " + at);
      }
      return arguments.positional().get(at);
    }
    Value value = arguments.named().get(name);
    if (value == null) {
      throw new TemplateException("format: there is no argument '" + name + "'");
    }
    return value;
  }
}
