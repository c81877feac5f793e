package dev.millrace.template;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;

/**
 * What stands for a value in a hash table: equal for values that are equal in Python, as 1, 1.0 and
 * True are.
 */
final class Keys {
  private Keys() {}

  private enum Special {
    NONE,
    UNDEFINED
  }

  static Object of(Value value, Budget budget) {
    budget.step();
    return switch (value) {
      case Text text -> text.value();
      case Value.None _ -> Special.NONE;
      case Value.Undefined _ -> Special.UNDEFINED;
      case Value.Bool bool -> BigInteger.valueOf(bool.value() ? 1 : 0);
      case Value.Int whole -> whole.value();
      case Value.Real real -> real(real.value());
      case Value.Sequence sequence when sequence.kind() == Value.Sequence.Kind.TUPLE -> {
        budget.enter();
        List<Object> keys = new ArrayList<>();
        for (Value item : sequence.items()) {
          keys.add(of(item, budget));
        }
        budget.leave();
        yield keys;
      }
      default -> throw new TemplateException("a " + Types.name(value) + " can't be a key");
    };
  }

  private static Object real(double value) {
    return value == Math.rint(value) && !Double.isInfinite(value)
        ? new BigDecimal(value).toBigInteger()
        : value;
  }
}
