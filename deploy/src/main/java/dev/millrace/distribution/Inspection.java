package dev.millrace.distribution;

import dev.millrace.model.ModelFile;
import dev.millrace.model.TensorData;
import java.io.PrintWriter;
import java.lang.reflect.Array;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/** A model file's content as tables. Names and values are strangers' texts: all are escaped. */
final class Inspection {
  private static final int MAX_NAME = 128;
  private static final int MAX_TEXT = 72;
  private static final int MAX_ENTRY_TEXT = 24;
  private static final int MAX_ENTRIES = 5;

  private Inspection() {}

  static void print(ModelFile file, PrintWriter out) {
    Table metadata = new Table("KEY", "TYPE", "VALUE");
    for (Map.Entry<String, Object> entry : file.metadata().values().entrySet()) {
      metadata.add(bare(entry.getKey()), type(entry.getValue()), value(entry.getValue()));
    }
    Table tensors = new Table("TENSOR", "TYPE", "SHAPE", "BYTES");
    long parameters = 0;
    long bytes = 0;
    for (TensorData tensor : file.tensors().values()) {
      tensors.add(bare(tensor.name()), tensor.type(), tensor.shape(), tensor.bytes());
      parameters += tensor.shape().stream().reduce(1L, (a, b) -> a * b);
      bytes += tensor.bytes();
    }
    metadata.print(out);
    out.println();
    tensors.print(out);
    out.println();
    out.println(
        "%d keys, %d tensors, %d parameters, %d bytes"
            .formatted(file.metadata().values().size(), file.tensors().size(), parameters, bytes));
  }

  private record Entry(String key, String type, Object value) {}

  private record Tensor(String tensor, String type, List<Long> shape, long bytes) {}

  /** Nothing is cut, and JSON escapes in its own way. */
  static void printJson(ModelFile file, PrintWriter out) {
    file.metadata()
        .values()
        .forEach((key, value) -> out.println(JsonLines.line(new Entry(key, type(value), value))));
    for (TensorData tensor : file.tensors().values()) {
      out.println(
          JsonLines.line(
              new Tensor(tensor.name(), tensor.type().toString(), tensor.shape(), tensor.bytes())));
    }
    out.flush();
  }

  /** A name without the quotes, escaped all the same. */
  private static String bare(String name) {
    String quoted = Printable.quote(name, MAX_NAME);
    return quoted.endsWith("\"") ? quoted.substring(1, quoted.length() - 1) : quoted;
  }

  private static String type(Object value) {
    int entries = entries(value);
    if (entries < 0) {
      return name(value);
    }
    return (entries == 0 ? "" : name(entry(value, 0)) + " ") + "[" + entries + "]";
  }

  private static String name(Object value) {
    return switch (value) {
      case Boolean _ -> "bool";
      case String _ -> "string";
      case Float _, Double _ -> "float";
      case Number _ -> "int";
      default -> "array";
    };
  }

  private static String value(Object value) {
    int entries = entries(value);
    if (entries < 0) {
      return scalar(value, MAX_TEXT);
    }
    return IntStream.range(0, Math.min(entries, MAX_ENTRIES))
        .mapToObj(i -> scalar(entry(value, i), MAX_ENTRY_TEXT))
        .collect(Collectors.joining(", ", "", entries > MAX_ENTRIES ? ", ..." : ""));
  }

  private static String scalar(Object value, int maxText) {
    return switch (value) {
      case String text -> Printable.quote(text, maxText);
      case Double number when number == number.floatValue() ->
          Float.toString(number.floatValue()); // 1.0E-5, not its 17 digits
      case Number number -> number.toString();
      case Boolean bool -> bool.toString();
      default -> type(value);
    };
  }

  /** How many entries an array has; −1 for what isn't an array. */
  private static int entries(Object value) {
    if (value instanceof List<?> list) {
      return list.size();
    }
    return value.getClass().isArray() ? Array.getLength(value) : -1;
  }

  private static Object entry(Object array, int index) {
    return array instanceof List<?> list ? list.get(index) : Array.get(array, index);
  }
}
