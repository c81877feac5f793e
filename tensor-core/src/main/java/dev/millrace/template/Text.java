package dev.millrace.template;

import java.util.BitSet;
import java.util.function.IntPredicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * A string that knows of each of its characters whether the template or the data wrote it. Equality
 * is the characters' alone.
 *
 * @param value as UTF-16
 * @param byData which of its units the data wrote; null is none. Not to be changed
 * @param markup what {@code safe} and {@code escape} give: adding plain text to it escapes that
 */
public record Text(String value, @Nullable BitSet byData, boolean markup) implements Value {
  static final Text EMPTY = template("");

  /** Written by the template, or by what is trusted like it. */
  public static Text template(String value) {
    return new Text(value, null, false);
  }

  /** Written by whoever takes part in the conversation. */
  public static Text data(String value) {
    BitSet all = new BitSet(value.length());
    all.set(0, value.length());
    return new Text(value, all, false);
  }

  boolean isEmpty() {
    return value.isEmpty();
  }

  /** In characters, as Python counts them. */
  int length() {
    return value.codePointCount(0, value.length());
  }

  boolean hasData() {
    return byData != null && !byData.isEmpty();
  }

  /** By UTF-16 indices. */
  Text part(int from, int to) {
    if (from == 0 && to == value.length() && !markup) {
      return this;
    }
    return new Text(value.substring(from, to), byData == null ? null : byData.get(from, to), false);
  }

  /** The same, counted. */
  Text part(int from, int to, Budget budget) {
    budget.make(Budget.TEXT + to - from);
    return part(from, to);
  }

  /** One that is changed as a whole: where lengths differ, any data makes the whole data. */
  Text map(UnaryOperator<String> change) {
    String changed = change.apply(value);
    if (changed.length() == value.length()) {
      return new Text(changed, byData, false);
    }
    return hasData() ? data(changed) : template(changed);
  }

  Text asMarkup() {
    return new Text(value, byData, true);
  }

  /** Without the code points at its ends that the predicate holds for. */
  Text strip(IntPredicate strips, boolean left, boolean right) {
    int from = 0;
    int to = value.length();
    while (left && from < to && strips.test(value.codePointAt(from))) {
      from += Character.charCount(value.codePointAt(from));
    }
    while (right && to > from && strips.test(value.codePointBefore(to))) {
      to -= Character.charCount(value.codePointBefore(to));
    }
    return part(from, to);
  }

  /** As Python's str.isspace has it. */
  static boolean isSpace(int c) {
    return c >= 0x09 && c <= 0x0D
        || c >= 0x1C && c <= 0x20
        || c == 0x85
        || c == 0xA0
        || c >= 0x80 && Character.isSpaceChar(c);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof Text text && text.value.equals(value);
  }

  @Override
  public int hashCode() {
    return value.hashCode();
  }

  @Override
  public String toString() {
    return value;
  }
}
