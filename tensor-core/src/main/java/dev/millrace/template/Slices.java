package dev.millrace.template;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Python's indices and slices, negative ones too. */
final class Slices {
  private Slices() {}

  /** By an index from 0, or from the end where it is negative; null beyond. */
  static @Nullable Value item(Value of, int index, Budget budget) {
    return switch (of) {
      case Value.Sequence sequence when sequence.isIndexed() -> {
        int size = sequence.items().size();
        int at = index < 0 ? index + size : index;
        yield at < 0 || at >= size ? null : sequence.items().get(at);
      }
      case Text text -> {
        budget.read(text.value().length());
        int length = text.length();
        int at = index < 0 ? index + length : index;
        if (at < 0 || at >= length) {
          yield null;
        }
        int begin = text.value().offsetByCodePoints(0, at);
        yield text.part(begin, text.value().offsetByCodePoints(begin, 1));
      }
      default -> null;
    };
  }

  /**
   * @param from null is the end that the step begins at
   * @param to null is the other one
   * @param step null is 1
   */
  static Value slice(
      Value of,
      @Nullable BigInteger from,
      @Nullable BigInteger to,
      @Nullable BigInteger step,
      Budget budget) {
    int by = step == null ? 1 : Numbers.clamp(step);
    if (by == 0) {
      throw new TemplateException("a slice's step is 0");
    }
    int size = (int) Types.length(of);
    int first = border(from, size, by, by > 0 ? 0 : size - 1);
    int end = border(to, size, by, by > 0 ? size : -1);
    if (of instanceof Text text) {
      return by == 1
          ? part(text, first, Math.max(first, end), budget)
          : characters(text, first, end, by, budget);
    }
    Value.Sequence sequence = (Value.Sequence) of;
    List<Value> items = new ArrayList<>();
    for (long i = first; by > 0 ? i < end : i > end; i += by) {
      budget.make(1);
      items.add(sequence.items().get((int) i));
    }
    return new Value.Sequence(sequence.kind(), items);
  }

  private static int border(@Nullable BigInteger given, int size, int step, int otherwise) {
    if (given == null) {
      return otherwise;
    }
    long border = Numbers.clamp(given);
    if (border < 0) {
      border += size;
    }
    return (int) Math.clamp(border, step > 0 ? 0 : -1, step > 0 ? size : size - 1L);
  }

  private static Text part(Text text, int first, int end, Budget budget) {
    budget.read(text.value().length());
    int begin = text.value().offsetByCodePoints(0, first);
    return text.part(begin, text.value().offsetByCodePoints(begin, end - first), budget);
  }

  private static Text characters(Text text, int first, int end, int by, Budget budget) {
    List<Value> all = Types.iterate(text, budget);
    TextBuilder out = new TextBuilder(budget);
    for (long i = first; by > 0 ? i < end : i > end; i += by) {
      out.append((Text) all.get((int) i));
    }
    return out.toText();
  }
}
