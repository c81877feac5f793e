package dev.millrace.template;

import java.math.BigDecimal;
import java.math.RoundingMode;
import java.util.Locale;

/**
 * How one value is laid out by {@code format} and {@code %}: fill, alignment, sign, width,
 * precision, type.
 *
 * @param align one of {@code < > ^ =}, or 0 for the type's own
 * @param sign one of {@code + - } and blank
 * @param precision -1 is none
 * @param type 0 is the value's own
 */
record FormatSpec(
    int fill, char align, char sign, boolean grouped, int width, int precision, char type) {
  /** More columns than that are no text for a model. */
  private static final int MAX_WIDTH = 10_000;

  /** Reads a specification of str.format. */
  static FormatSpec parse(String spec) {
    int at = 0;
    int fill = ' ';
    char align = 0;
    int second = spec.isEmpty() ? 0 : Character.charCount(spec.codePointAt(0));
    if (spec.length() > second && "<>^=".indexOf(spec.charAt(second)) >= 0) {
      fill = spec.codePointAt(0);
      align = spec.charAt(second);
      at = second + 1;
    } else if (!spec.isEmpty() && "<>^=".indexOf(spec.charAt(0)) >= 0) {
      align = spec.charAt(0);
      at = 1;
    }
    char sign = '-';
    if (at < spec.length() && "+- ".indexOf(spec.charAt(at)) >= 0) {
      sign = spec.charAt(at++);
    }
    if (at < spec.length() && spec.charAt(at) == '0' && align == 0) {
      fill = '0';
      align = '=';
      at++;
    }
    int end = digits(spec, at);
    int width = number(spec, at, end);
    at = end;
    boolean grouped = at < spec.length() && spec.charAt(at) == ',';
    at += grouped ? 1 : 0;
    int precision = -1;
    if (at < spec.length() && spec.charAt(at) == '.') {
      end = digits(spec, at + 1);
      precision = number(spec, at + 1, end);
      at = end;
    }
    char type = at < spec.length() ? spec.charAt(at++) : 0;
    if (at < spec.length() || type != 0 && "sdxXfFeEg%".indexOf(type) < 0) {
      throw new TemplateException("the format specification '" + spec + "' is not supported");
    }
    return new FormatSpec(fill, align, sign, grouped, width, precision, type);
  }

  static int digits(String spec, int from) {
    int end = from;
    while (end < spec.length() && spec.charAt(end) >= '0' && spec.charAt(end) <= '9') {
      end++;
    }
    return end;
  }

  static int number(String spec, int from, int end) {
    if (end - from > 5 || end > from && Integer.parseInt(spec, from, end, 10) > MAX_WIDTH) {
      throw new TemplateException("a width or precision above " + MAX_WIDTH);
    }
    return from == end ? 0 : Integer.parseInt(spec, from, end, 10);
  }

  Text apply(Value value, Budget budget) {
    boolean asNumber =
        type == 0 ? Numbers.isNumber(value) && !(value instanceof Value.Bool) : type != 's';
    if (asNumber) {
      if (!Numbers.isNumber(value)) {
        throw new TemplateException(
            "the format " + type + " wants a number, not a " + Types.name(value));
      }
      String number = number(value);
      String signText = number.startsWith("-") ? "-" : sign == '-' ? "" : String.valueOf(sign);
      return pad(
          signText,
          Text.template(number.startsWith("-") ? number.substring(1) : number),
          '>',
          budget);
    }
    Text text = Printer.str(value, budget);
    if (precision >= 0 && text.length() > precision) {
      text = text.part(0, text.value().offsetByCodePoints(0, precision));
    }
    return pad("", text, '<', budget);
  }

  private String number(Value value) {
    String digits =
        switch (type) {
          case 0 ->
              value instanceof Value.Real real && precision >= 0
                  ? general(real.value())
                  : Printer.str(value, new Budget()).value();
          case 'd' -> requireInteger(value).toString();
          case 'x' -> requireInteger(value).toString(16);
          case 'X' -> requireInteger(value).toString(16).toUpperCase(Locale.ROOT);
          case 'f', 'F' -> fixed(Numbers.real(value));
          case '%' -> fixed(Numbers.real(value) * 100) + "%";
          case 'g' -> general(Numbers.real(value));
          default -> exponent(Numbers.real(value));
        };
    return grouped ? group(digits) : digits;
  }

  private static java.math.BigInteger requireInteger(Value value) {
    java.math.BigInteger whole = Numbers.integer(value);
    if (whole == null) {
      throw new TemplateException("the format wants an integer, not a " + Types.name(value));
    }
    return whole;
  }

  private String fixed(double value) {
    if (!Double.isFinite(value)) {
      return Numbers.repr(value);
    }
    String text =
        new BigDecimal(value)
            .setScale(precision < 0 ? 6 : precision, RoundingMode.HALF_EVEN)
            .toPlainString();
    return 1 / value < 0 && !text.startsWith("-") ? "-" + text : text;
  }

  private String exponent(double value) {
    if (!Double.isFinite(value)) {
      return Numbers.repr(value);
    }
    String text = String.format(Locale.ROOT, "%." + (precision < 0 ? 6 : precision) + "e", value);
    return type == 'E' ? text.toUpperCase(Locale.ROOT) : text;
  }

  /** The shorter one of fixed and exponent, without zeros at its end. */
  private String general(double value) {
    if (!Double.isFinite(value) || value == 0) {
      return value == 0 ? "0" : Numbers.repr(value);
    }
    int digits = precision < 0 ? 6 : Math.max(1, precision);
    BigDecimal rounded =
        new BigDecimal(value)
            .round(new java.math.MathContext(digits, RoundingMode.HALF_EVEN))
            .stripTrailingZeros();
    int exponent = rounded.precision() - rounded.scale() - 1;
    if (exponent >= -4 && exponent < digits) {
      return rounded.toPlainString();
    }
    BigDecimal mantissa = rounded.movePointLeft(exponent).stripTrailingZeros();
    return "%se%c%02d"
        .formatted(mantissa.toPlainString(), exponent < 0 ? '-' : '+', Math.abs(exponent));
  }

  private static String group(String digits) {
    int begin = digits.startsWith("-") ? 1 : 0;
    int end = begin;
    while (end < digits.length() && Character.isDigit(digits.charAt(end))) {
      end++;
    }
    StringBuilder out = new StringBuilder(digits);
    for (int i = end - 3; i > begin; i -= 3) {
      out.insert(i, ',');
    }
    return out.toString();
  }

  private Text pad(String signText, Text text, char otherwise, Budget budget) {
    int missing = Math.max(0, width - signText.length() - text.length());
    char where = align == 0 ? otherwise : align;
    int left =
        switch (where) {
          case '<' -> 0;
          case '^' -> missing / 2;
          default -> missing;
        };
    String fillText = Character.toString(fill);
    TextBuilder out = new TextBuilder(budget);
    if (where == '=') {
      out.append(signText);
    }
    out.append(fillText.repeat(left));
    if (where != '=') {
      out.append(signText);
    }
    return out.append(text).append(fillText.repeat(missing - left)).toText();
  }
}
