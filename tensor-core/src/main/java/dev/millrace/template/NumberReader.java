package dev.millrace.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.RoundingMode;
import org.jspecify.annotations.Nullable;

/** Python's int and float of a text, and its round. */
final class NumberReader {
  private NumberReader() {}

  /** Null if it is none. */
  static @Nullable Value integer(String text, int base) {
    String digits = strip(text).replaceAll("(?<=[0-9A-Za-z])_(?=[0-9A-Za-z])", "");
    if (digits.length() > Numbers.MAX_DIGITS || base < 2 || base > 36) {
      return null;
    }
    String sign = digits.startsWith("-") || digits.startsWith("+") ? digits.substring(0, 1) : "";
    String magnitude = digits.substring(sign.length());
    String prefix = base == 16 ? "0x" : base == 8 ? "0o" : base == 2 ? "0b" : "";
    if (!prefix.isEmpty() && magnitude.regionMatches(true, 0, prefix, 0, 2)) {
      magnitude = magnitude.substring(2);
    }
    if (magnitude.isEmpty() || "+-".indexOf(magnitude.charAt(0)) >= 0) {
      return null;
    }
    try {
      BigInteger whole = new BigInteger(magnitude, base);
      return new Value.Int(sign.equals("-") ? whole.negate() : whole);
    } catch (NumberFormatException e) {
      return null;
    }
  }

  /** Null if it is none. */
  static @Nullable Value real(String text) {
    String digits = strip(text).replaceAll("(?<=[0-9])_(?=[0-9])", "");
    if (digits.length() > Numbers.MAX_DIGITS) {
      return null;
    }
    return switch (TextMethods.lower(digits)) {
      case "inf", "+inf", "infinity", "+infinity" -> new Value.Real(Double.POSITIVE_INFINITY);
      case "-inf", "-infinity" -> new Value.Real(Double.NEGATIVE_INFINITY);
      case "nan", "+nan", "-nan" -> new Value.Real(Double.NaN);
      default -> {
        boolean decimal = digits.matches("[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?");
        yield decimal ? new Value.Real(Double.parseDouble(digits)) : null;
      }
    };
  }

  private static String strip(String text) {
    return Text.template(text).strip(Text::isSpace, true, true).value();
  }

  /** As the filter round: half to even, or up, or down; always a float but for whole numbers. */
  static Value round(Value number, int precision, String method) {
    BigInteger whole = Numbers.integer(number);
    RoundingMode mode =
        switch (method) {
          case "common" -> RoundingMode.HALF_EVEN;
          case "ceil" -> RoundingMode.CEILING;
          case "floor" -> RoundingMode.FLOOR;
          default -> throw new TemplateException("round: the method is common, ceil or floor");
        };
    if (whole != null && mode == RoundingMode.HALF_EVEN) {
      return precision >= 0
          ? new Value.Int(whole)
          : new Value.Int(new BigDecimal(whole).setScale(precision, mode).toBigInteger());
    }
    double real = Numbers.real(number);
    if (!Double.isFinite(real)) {
      return new Value.Real(real);
    }
    double rounded;
    if (mode == RoundingMode.HALF_EVEN) {
      rounded = new BigDecimal(real).setScale(precision, mode).doubleValue();
    } else {
      double scale = Math.pow(10, precision); // as jinja2 does it, with its rounding
      rounded =
          (method.equals("ceil") ? Math.ceil(real * scale) : Math.floor(real * scale)) / scale;
    }
    return new Value.Real(rounded == 0 ? Math.copySign(0.0, real) : rounded);
  }
}
