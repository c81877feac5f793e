package dev.millrace.distribution;

import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** Rows under headings, each column as wide as its widest entry. */
final class Table {
  private final int columns;
  private final List<List<String>> rows = new ArrayList<>();

  Table(String... headings) {
    columns = headings.length;
    rows.add(List.of(headings));
  }

  void add(Object... entries) {
    if (entries.length != columns) {
      throw new IllegalArgumentException(entries.length + " entries for " + columns + " columns");
    }
    rows.add(Arrays.stream(entries).map(String::valueOf).toList());
  }

  void print(PrintWriter out) {
    int[] widths =
        IntStream.range(0, columns)
            .map(column -> rows.stream().mapToInt(row -> width(row.get(column))).max().orElse(0))
            .toArray();
    for (List<String> row : rows) {
      out.println(
          IntStream.range(0, columns)
              .mapToObj(
                  column -> row.get(column) + " ".repeat(widths[column] - width(row.get(column))))
              .collect(Collectors.joining("  "))
              .stripTrailing());
    }
    out.flush();
  }

  private static int width(String text) {
    return text.codePointCount(0, text.length());
  }
}
