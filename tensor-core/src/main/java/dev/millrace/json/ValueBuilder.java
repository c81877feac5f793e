package dev.millrace.json;

import java.math.BigDecimal;
import java.util.List;
import java.util.SequencedMap;

/** Makes {@link JsonValue}s. */
final class ValueBuilder implements JsonBuilder<JsonValue> {
  /** Beyond double's exponents; arithmetic with larger ones takes gigabytes. */
  private static final int MAX_EXPONENT = 400;

  @Override
  public JsonValue none() {
    return new JsonValue.Null();
  }

  @Override
  public JsonValue bool(boolean value) {
    return new JsonValue.Bool(value);
  }

  @Override
  public JsonValue text(String value) {
    return new JsonValue.Text(value);
  }

  @Override
  public JsonValue number(String literal) {
    try {
      BigDecimal value = new BigDecimal(literal);
      long exponent = (long) value.precision() - value.scale();
      if (value.signum() == 0 || Math.abs(exponent) <= MAX_EXPONENT) {
        return new JsonValue.Decimal(value);
      }
    } catch (NumberFormatException e) { // an exponent beyond int's
      throw tooLarge();
    }
    throw tooLarge();
  }

  private static ArithmeticException tooLarge() {
    return new ArithmeticException("a number whose exponent is beyond " + MAX_EXPONENT);
  }

  @Override
  public JsonValue array(List<JsonValue> items) {
    return new JsonValue.Array(items);
  }

  @Override
  public JsonValue object(SequencedMap<String, JsonValue> members) {
    return new JsonValue.Members(members);
  }
}
