package dev.millrace.template;

import dev.millrace.template.Expression.ArithmeticOperator;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.math.MathContext;
import org.jspecify.annotations.Nullable;

/** Python's arithmetic: integers of any size up to a limit, floats, booleans as 0 and 1. */
final class Numbers {
  /** Of an integer; Python's own limit for reading and printing one. */
  static final int MAX_DIGITS = 4300;

  private static final int MAX_BITS = 14_284; // of 10^4300

  private Numbers() {}

  /** A whole number's value, a boolean's too; null for others. */
  static @Nullable BigInteger integer(Value value) {
    return switch (value) {
      case Value.Int whole -> whole.value();
      case Value.Bool bool -> bool.value() ? BigInteger.ONE : BigInteger.ZERO;
      default -> null;
    };
  }

  static boolean isNumber(Value value) {
    return value instanceof Value.Real || integer(value) != null;
  }

  static boolean isNan(Value value) {
    return value instanceof Value.Real real && Double.isNaN(real.value());
  }

  static double real(Value number) {
    if (number instanceof Value.Real real) {
      return real.value();
    }
    BigInteger whole = integer(number);
    if (whole == null) {
      throw new TemplateException("a " + Types.name(number) + " is no number");
    }
    double value = whole.doubleValue();
    if (Double.isInfinite(value)) {
      throw new TemplateException("the integer is too large for a float");
    }
    return value;
  }

  static Value ofBig(BigInteger value) {
    if (value.bitLength() > MAX_BITS) {
      throw new TemplateException("an integer of more than " + MAX_DIGITS + " digits");
    }
    return new Value.Int(value);
  }

  /** As an index or a count. Beyond an int's range, its end: no size reaches so far. */
  static int clamp(BigInteger value) {
    return value.bitLength() < Integer.SIZE
        ? value.intValue()
        : value.signum() < 0 ? Integer.MIN_VALUE : Integer.MAX_VALUE;
  }

  static Value calculate(ArithmeticOperator operator, Value left, Value right) {
    BigInteger a = integer(left);
    BigInteger b = integer(right);
    return a != null && b != null
        ? calculate(operator, a, b)
        : calculate(operator, real(left), real(right));
  }

  private static Value calculate(ArithmeticOperator operator, BigInteger a, BigInteger b) {
    return switch (operator) {
      case ADD -> ofBig(a.add(b));
      case SUBTRACT -> ofBig(a.subtract(b));
      case MULTIPLY -> ofBig(a.multiply(b));
      case DIVIDE -> {
        requireNotZero(b.signum() != 0);
        MathContext precise = MathContext.DECIMAL128;
        yield new Value.Real(new BigDecimal(a).divide(new BigDecimal(b), precise).doubleValue());
      }
      case FLOOR_DIVIDE -> ofBig(floorDivide(a, b)[0]);
      case MODULO -> ofBig(floorDivide(a, b)[1]);
      case POWER -> power(a, b);
    };
  }

  /** Quotient, rounded down, and a remainder with the divisor's sign. */
  static BigInteger[] floorDivide(BigInteger a, BigInteger b) {
    requireNotZero(b.signum() != 0);
    BigInteger[] result = a.divideAndRemainder(b);
    if (result[1].signum() != 0 && result[1].signum() != b.signum()) {
      result[0] = result[0].subtract(BigInteger.ONE);
      result[1] = result[1].add(b);
    }
    return result;
  }

  private static Value power(BigInteger base, BigInteger exponent) {
    if (exponent.signum() < 0) {
      requireNotZero(base.signum() != 0);
      return new Value.Real(Math.pow(base.doubleValue(), exponent.doubleValue()));
    }
    if (base.bitLength() <= 1) { // -1, 0, 1
      boolean odd = exponent.testBit(0);
      return new Value.Int(
          exponent.signum() == 0 || base.signum() < 0 && !odd ? BigInteger.ONE : base);
    }
    if (exponent.bitLength() > 31 || (base.bitLength() - 1L) * exponent.intValue() > MAX_BITS) {
      throw new TemplateException("an integer of more than " + MAX_DIGITS + " digits");
    }
    return ofBig(base.pow(exponent.intValue()));
  }

  private static Value calculate(ArithmeticOperator operator, double a, double b) {
    return new Value.Real(
        switch (operator) {
          case ADD -> a + b;
          case SUBTRACT -> a - b;
          case MULTIPLY -> a * b;
          case DIVIDE -> {
            requireNotZero(b != 0);
            yield a / b;
          }
          case FLOOR_DIVIDE -> {
            requireNotZero(b != 0);
            yield Math.floor((a - modulo(a, b)) / b + 0.5); // as CPython: exact, then rounded
          }
          case MODULO -> {
            requireNotZero(b != 0);
            yield modulo(a, b);
          }
          case POWER -> realPower(a, b);
        });
  }

  private static double realPower(double a, double b) {
    requireNotZero(a != 0 || b >= 0);
    double result = Math.pow(a, b);
    if (a < 0 && Double.isNaN(result) && !Double.isNaN(b)) {
      throw new TemplateException("a negative number's root is no number");
    }
    if (Double.isInfinite(result) && !Double.isInfinite(a) && !Double.isInfinite(b)) {
      throw new TemplateException("the power is too large for a float");
    }
    return result;
  }

  /** With the divisor's sign. */
  private static double modulo(double a, double b) {
    double rest = a % b;
    if (rest == 0) {
      return Math.copySign(0.0, b);
    }
    return rest < 0 != b < 0 ? rest + b : rest;
  }

  private static void requireNotZero(boolean isNotZero) {
    if (!isNotZero) {
      throw new TemplateException("division by zero");
    }
  }

  /** Negative, zero or positive; null where one isn't a number at all (NaN). */
  static @Nullable Integer compare(Value left, Value right) {
    BigInteger a = integer(left);
    BigInteger b = integer(right);
    if (a != null && b != null) {
      return a.compareTo(b);
    }
    double x = a == null ? ((Value.Real) left).value() : a.doubleValue();
    double y = b == null ? ((Value.Real) right).value() : b.doubleValue();
    if (Double.isNaN(x) || Double.isNaN(y)) {
      return null;
    }
    if (Double.isInfinite(x) || Double.isInfinite(y)) {
      return Double.compare(x, y);
    }
    BigDecimal exactX = a == null ? new BigDecimal(x) : new BigDecimal(a);
    BigDecimal exactY = b == null ? new BigDecimal(y) : new BigDecimal(b);
    return exactX.compareTo(exactY);
  }

  /** As Python's repr: the shortest digits that read back as the same float. */
  static String repr(double value) {
    if (Double.isNaN(value)) {
      return "nan";
    }
    if (Double.isInfinite(value)) {
      return value < 0 ? "-inf" : "inf";
    }
    String sign = 1 / value < 0 || value < 0 ? "-" : "";
    if (value == 0) {
      return sign + "0.0";
    }
    BigDecimal shortest = new BigDecimal(Double.toString(Math.abs(value))).stripTrailingZeros();
    BigDecimal oneDigit = shortest.round(new MathContext(1)); // Java gives two at least
    if (oneDigit.doubleValue() == Math.abs(value)) {
      shortest = oneDigit;
    }
    String digits = shortest.unscaledValue().toString();
    int exponent = digits.length() - 1 - shortest.scale();
    if (exponent < -4 || exponent >= 16) {
      String fraction = digits.length() == 1 ? "" : "." + digits.substring(1);
      return "%s%c%se%c%02d"
          .formatted(
              sign, digits.charAt(0), fraction, exponent < 0 ? '-' : '+', Math.abs(exponent));
    }
    String plain = shortest.toPlainString();
    return sign + (plain.indexOf('.') < 0 ? plain + ".0" : plain);
  }
}
