package dev.millrace.template;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Python's json.dumps. Punctuation counts as data's: the data's shape decides it.
 *
 * @param indent of each level; null writes all on one line
 */
record JsonWriter(
    boolean asciiOnly,
    @Nullable String indent,
    String itemSeparator,
    String keySeparator,
    boolean sortKeys) {

  Text write(Value value, Budget budget) {
    TextBuilder out = new TextBuilder(budget);
    write(value, 0, out, budget);
    return out.toText();
  }

  private void write(Value value, int level, TextBuilder out, Budget budget) {
    budget.step();
    switch (value) {
      case Text text -> string(text, out);
      case Value.None _ -> out.append("null");
      case Value.Bool bool -> out.append(bool.value() ? "true" : "false");
      case Value.Int whole -> out.append(whole.value().toString());
      case Value.Real real -> out.append(real(real.value()));
      case Value.Sequence sequence
          when sequence.isIndexed() && sequence.kind() != Value.Sequence.Kind.RANGE -> {
        budget.enter();
        array(sequence.items(), level, out, budget);
        budget.leave();
      }
      case Value.Dict dict -> {
        budget.enter();
        object(dict, level, out, budget);
        budget.leave();
      }
      default ->
          throw new TemplateException("a " + Types.name(value) + " can't be written as JSON");
    }
  }

  private void array(List<Value> items, int level, TextBuilder out, Budget budget) {
    if (items.isEmpty()) {
      out.appendData("[]");
      return;
    }
    String separator = "[";
    for (Value item : items) {
      out.appendData(separator);
      newLine(level + 1, out);
      write(item, level + 1, out, budget);
      separator = itemSeparator;
    }
    newLine(level, out);
    out.appendData("]");
  }

  private void object(Value.Dict dict, int level, TextBuilder out, Budget budget) {
    if (dict.entries().isEmpty()) {
      out.appendData("{}");
      return;
    }
    List<Value.Dict.Entry> entries = new ArrayList<>(dict.entries().values());
    if (sortKeys) {
      entries.sort((a, b) -> Operators.order(a.key(), b.key(), "<", budget));
    }
    String separator = "{";
    for (Value.Dict.Entry entry : entries) {
      out.appendData(separator);
      newLine(level + 1, out);
      string(key(entry.key()), out);
      out.appendData(keySeparator);
      write(entry.value(), level + 1, out, budget);
      separator = itemSeparator;
    }
    newLine(level, out);
    out.appendData("}");
  }

  private static Text key(Value key) {
    return switch (key) {
      case Text text -> text;
      case Value.None _ -> Text.template("null");
      case Value.Bool bool -> Text.template(bool.value() ? "true" : "false");
      case Value.Int whole -> Text.template(whole.value().toString());
      case Value.Real real -> Text.template(real(real.value()));
      default -> throw new TemplateException("JSON has no keys like a " + Types.name(key));
    };
  }

  private void newLine(int level, TextBuilder out) {
    if (indent != null) {
      out.appendData("\n");
      for (int i = 0; i < level; i++) {
        out.appendData(indent);
      }
    }
  }

  private static String real(double value) {
    if (Double.isNaN(value)) {
      return "NaN";
    }
    return Double.isInfinite(value) ? (value < 0 ? "-Infinity" : "Infinity") : Numbers.repr(value);
  }

  private void string(Text text, TextBuilder out) {
    String value = text.value();
    out.appendData("\"");
    int plainFrom = 0;
    for (int i = 0; i < value.length(); i++) {
      String escape = escape(value.charAt(i));
      if (!escape.isEmpty()) {
        out.append(text, plainFrom, i).appendData(escape);
        plainFrom = i + 1;
      }
    }
    out.append(text, plainFrom, value.length()).appendData("\"");
  }

  /** Empty for what stands for itself. */
  private String escape(char c) {
    return switch (c) {
      case '"' -> "\\\"";
      case '\\' -> "\\\\";
      case '\n' -> "\\n";
      case '\r' -> "\\r";
      case '\t' -> "\\t";
      case '\b' -> "\\b";
      case '\f' -> "\\f";
      default -> c < 0x20 || asciiOnly && c > 0x7E ? "\\u%04x".formatted((int) c) : "";
    };
  }
}
