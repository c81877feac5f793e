package dev.millrace.grammar.automaton;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;

/**
 * A set of Unicode scalar values (code points but surrogates, which no text in UTF-8 has), as
 * ascending ranges that don't touch.
 */
public final class CodePoints {
  public static final CodePoints NONE = new CodePoints(new int[0]);
  public static final CodePoints ALL =
      new CodePoints(new int[] {0, 0xD7FF, 0xE000, Character.MAX_CODE_POINT});

  private final int[] ranges; // first, last, first, last, ...

  private CodePoints(int[] ranges) {
    this.ranges = ranges;
  }

  public static CodePoints of(int single) {
    return range(single, single);
  }

  /** Those from first to last, both included, surrogates left out. */
  public static CodePoints range(int first, int last) {
    return new CodePoints(new int[] {first, last}).and(ALL);
  }

  /** Any of these characters. */
  public static CodePoints anyOf(String characters) {
    return characters.codePoints().mapToObj(CodePoints::of).reduce(NONE, CodePoints::or);
  }

  public CodePoints or(CodePoints other) {
    if (ranges.length == 0 || other.ranges.length == 0) {
      return ranges.length == 0 ? other : this;
    }
    return union(List.of(this, other));
  }

  /** In O(n log n) for n ranges. */
  public static CodePoints union(List<CodePoints> sets) {
    int[][] all =
        sets.stream()
            .flatMap(CodePoints::pairs)
            .sorted((a, b) -> Integer.compare(a[0], b[0]))
            .toArray(int[][]::new);
    int[] merged = new int[all.length * 2];
    int size = 0;
    for (int[] range : all) {
      if (size > 0 && range[0] <= merged[size - 1] + 1) {
        merged[size - 1] = Math.max(merged[size - 1], range[1]);
      } else {
        merged[size++] = range[0];
        merged[size++] = range[1];
      }
    }
    return new CodePoints(Arrays.copyOf(merged, size));
  }

  private static Stream<int[]> pairs(CodePoints set) {
    List<int[]> pairs = new ArrayList<>();
    for (int i = 0; i < set.ranges.length; i += 2) {
      pairs.add(new int[] {set.ranges[i], set.ranges[i + 1]});
    }
    return pairs.stream();
  }

  public CodePoints and(CodePoints other) {
    int[] common = new int[ranges.length + other.ranges.length];
    int size = 0;
    int i = 0;
    int j = 0;
    while (i < ranges.length && j < other.ranges.length) {
      int first = Math.max(ranges[i], other.ranges[j]);
      int last = Math.min(ranges[i + 1], other.ranges[j + 1]);
      if (first <= last) {
        common[size++] = first;
        common[size++] = last;
      }
      if (ranges[i + 1] < other.ranges[j + 1]) {
        i += 2;
      } else {
        j += 2;
      }
    }
    return new CodePoints(Arrays.copyOf(common, size));
  }

  /** All scalar values that aren't in this set. */
  public CodePoints not() {
    int[] gaps = new int[ranges.length + 2];
    int size = 0;
    int next = 0;
    for (int i = 0; i < ranges.length; i += 2) {
      if (next < ranges[i]) {
        gaps[size++] = next;
        gaps[size++] = ranges[i] - 1;
      }
      next = ranges[i + 1] + 1;
    }
    if (next <= Character.MAX_CODE_POINT) {
      gaps[size++] = next;
      gaps[size++] = Character.MAX_CODE_POINT;
    }
    return new CodePoints(Arrays.copyOf(gaps, size)).and(ALL);
  }

  public CodePoints minus(CodePoints other) {
    return and(other.not());
  }

  public boolean isEmpty() {
    return ranges.length == 0;
  }

  public boolean contains(int codePoint) {
    int low = 0;
    int high = size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      if (codePoint < first(middle)) {
        high = middle - 1;
      } else if (codePoint > last(middle)) {
        low = middle + 1;
      } else {
        return true;
      }
    }
    return false;
  }

  /** How many ranges. */
  public int size() {
    return ranges.length / 2;
  }

  public int first(int range) {
    return ranges[2 * range];
  }

  public int last(int range) {
    return ranges[2 * range + 1];
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof CodePoints set && Arrays.equals(ranges, set.ranges);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(ranges);
  }

  @Override
  public String toString() {
    return Arrays.toString(ranges);
  }
}
