package dev.millrace.template;

import dev.millrace.template.Expression.ArithmeticOperator;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What stands behind a bar: jinja2's own filters, but tojson as transformers has it. */
final class Filters {
  private static final Map<String, Filter> FILTERS = new HashMap<>();

  /** Those that take another filter's or a test's name. */
  private static final Set<String> TAKING_NAMES =
      Set.of("map", "select", "reject", "selectattr", "rejectattr");

  /** Of jinja2's own, those that aren't here. */
  private static final Set<String> UNSUPPORTED =
      Set.of(
          "filesizeformat",
          "pprint",
          "random",
          "striptags",
          "urlencode",
          "urlize",
          "wordwrap",
          "xmlattr");

  @FunctionalInterface
  private interface Filter {
    Value apply(Value input, Arguments arguments, Interpreter in);
  }

  static {
    ofLists();
    ofTexts();
    ofNumbers();
    put("tojson", Filters::toJson);
    put("default", Filters::otherwise);
    put("d", Filters::otherwise);
    put(
        "attr",
        (input, arguments, in) ->
            in.evaluator().ownAttribute(input, arguments.bind("attr", 1, "name").text(0).value()));
  }

  private Filters() {}

  static boolean isKnown(String name) {
    return FILTERS.containsKey(name);
  }

  /** Whether jinja2 has a filter of this name that isn't here. */
  static boolean isUnsupported(String name) {
    return UNSUPPORTED.contains(name);
  }

  static boolean takesName(String name) {
    return TAKING_NAMES.contains(name);
  }

  static Value apply(String name, Value input, Arguments arguments, Interpreter in) {
    Filter filter = FILTERS.get(name);
    if (filter == null) {
      throw new TemplateException("the filter " + name + " is not supported");
    }
    in.budget().step();
    if (input instanceof Text text) {
      in.budget().read(text.value().length());
    }
    return filter.apply(input, arguments, in);
  }

  private static void put(String name, Filter filter) {
    FILTERS.put(name, filter);
  }

  private static void ofLists() {
    Filter length =
        (input, arguments, in) -> {
          arguments.bind("length", 0);
          return Value.of(Types.length(input));
        };
    put("length", length);
    put("count", length);
    put("list", (input, arguments, in) -> Value.list(Types.iterate(input, in.budget())));
    put("items", Filters::items);
    put("join", ListFilters::join);
    put("first", (input, arguments, in) -> end(input, true, in));
    put("last", (input, arguments, in) -> end(input, false, in));
    put("reverse", ListFilters::reverse);
    put("sort", ListFilters::sort);
    put("dictsort", ListFilters::dictSort);
    put("unique", ListFilters::unique);
    put("min", (input, arguments, in) -> ListFilters.extreme("min", input, arguments, in));
    put("max", (input, arguments, in) -> ListFilters.extreme("max", input, arguments, in));
    put("sum", ListFilters::sum);
    put("batch", ListFilters::batch);
    put("slice", ListFilters::slice);
    put("groupby", ListFilters::groupBy);
    put("map", ListFilters::map);
    put("select", (input, arguments, in) -> ListFilters.select(input, arguments, true, in));
    put("reject", (input, arguments, in) -> ListFilters.select(input, arguments, false, in));
    put("selectattr", (input, arguments, in) -> ListFilters.selectBy(input, arguments, true, in));
    put("rejectattr", (input, arguments, in) -> ListFilters.selectBy(input, arguments, false, in));
  }

  private static Value items(Value input, Arguments arguments, Interpreter in) {
    arguments.bind("items", 0);
    return switch (input) {
      case Value.Undefined _ -> new Value.Generator(List.<Value>of().iterator());
      case Value.Dict dict -> {
        in.budget().make(dict.entries().size());
        yield new Value.Generator(dict.items().iterator());
      }
      default -> throw new TemplateException("items wants a dict, not a " + Types.name(input));
    };
  }

  private static Value end(Value input, boolean first, Interpreter in) {
    if (!first && !(Types.isIterable(input) && !(input instanceof Value.Generator))) {
      throw new TemplateException("last: a " + Types.name(input) + " can't be reversed");
    }
    Value end;
    if (input instanceof Text text) {
      end = Slices.item(text, first ? 0 : -1, in.budget());
    } else {
      List<Value> items = Types.iterate(input, in.budget());
      end = items.isEmpty() ? null : first ? items.getFirst() : items.getLast();
    }
    return end == null
        ? new Value.Undefined("there is no " + (first ? "first" : "last") + " item")
        : end;
  }

  private static void ofTexts() {
    put("string", (input, arguments, in) -> input instanceof Text ? input : text(input, in));
    put("safe", (input, arguments, in) -> text(input, in).asMarkup());
    Filter escape =
        (input, arguments, in) ->
            input instanceof Text given && given.markup()
                ? given
                : escape(text(input, in), in.budget());
    put("escape", escape);
    put("e", escape);
    put("forceescape", (input, arguments, in) -> escape(text(input, in), in.budget()));
    put(
        "trim",
        (input, arguments, in) -> {
          Text characters = arguments.bind("trim", 0, "chars").findText(0);
          return TextMethods.strip(text(input, in), characters, true, true, in.budget());
        });
    put("upper", (input, arguments, in) -> method("upper", input, arguments, in));
    put("lower", (input, arguments, in) -> method("lower", input, arguments, in));
    put("capitalize", (input, arguments, in) -> method("capitalize", input, arguments, in));
    put("title", TextFilters::title);
    put("replace", TextFilters::replace);
    put("indent", TextFilters::indent);
    put("center", TextFilters::center);
    put("truncate", TextFilters::truncate);
    put("wordcount", TextFilters::wordCount);
    put(
        "format",
        (input, arguments, in) -> {
          if (!arguments.named().isEmpty() && !arguments.positional().isEmpty()) {
            throw new TemplateException("format takes positional or named arguments, not both");
          }
          Value values =
              arguments.named().isEmpty()
                  ? Value.tuple(arguments.positional().toArray(Value[]::new))
                  : Value.Dict.of(arguments.named());
          return PercentFormat.format(text(input, in), values, in.budget());
        });
  }

  static Text text(Value value, Interpreter in) {
    return Printer.str(value, in.budget());
  }

  private static Value method(String name, Value input, Arguments arguments, Interpreter in) {
    Value method = Methods.find(text(input, in), name);
    if (method == null) {
      throw new IllegalStateException("texts have no method " + name);
    }
    return in.evaluator().call(method, arguments);
  }

  static Text escape(Text text, Budget budget) {
    TextBuilder out = new TextBuilder(budget);
    String value = text.value();
    int plainFrom = 0;
    for (int i = 0; i < value.length(); i++) {
      String escape =
          switch (value.charAt(i)) {
            case '&' -> "&amp;";
            case '<' -> "&lt;";
            case '>' -> "&gt;";
            case '"' -> "&#34;";
            case '\'' -> "&#39;";
            default -> "";
          };
      if (!escape.isEmpty()) {
        out.append(text, plainFrom, i).appendData(escape);
        plainFrom = i + 1;
      }
    }
    return out.append(text, plainFrom, value.length()).toText().asMarkup();
  }

  private static void ofNumbers() {
    put("int", Filters::toInt);
    put("float", Filters::toFloat);
    put(
        "abs",
        (input, arguments, in) -> {
          BigInteger whole = Numbers.integer(input);
          return whole == null
              ? new Value.Real(Math.abs(Numbers.real(input)))
              : new Value.Int(whole.abs());
        });
    put("round", Filters::round);
  }

  private static Value toInt(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("int", 0, "default", "base");
    Value otherwise = bound.get(0, Value.of(0));
    int base = bound.integer(1, 10);
    return switch (input) {
      case Value.Undefined undefined -> throw new TemplateException(undefined.problem());
      case Text text -> {
        Value whole = NumberReader.integer(text.value(), base);
        Value number = whole == null ? NumberReader.real(text.value()) : whole;
        yield number == null || isEndless(number) ? otherwise : Globals.truncate(number);
      }
      default -> Numbers.isNumber(input) && !isEndless(input) ? Globals.truncate(input) : otherwise;
    };
  }

  private static boolean isEndless(Value number) {
    return number instanceof Value.Real real && !Double.isFinite(real.value());
  }

  private static Value toFloat(Value input, Arguments arguments, Interpreter in) {
    Value otherwise = arguments.bind("float", 0, "default").get(0, new Value.Real(0));
    if (input instanceof Value.Undefined undefined) {
      throw new TemplateException(undefined.problem());
    }
    if (input instanceof Text text) {
      Value real = NumberReader.real(text.value());
      return real == null ? otherwise : real;
    }
    return Numbers.isNumber(input) ? new Value.Real(Numbers.real(input)) : otherwise;
  }

  private static Value round(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("round", 0, "precision", "method");
    int precision = bound.integer(0, 0);
    String method = bound.get(1, Text.template("common")) instanceof Text text ? text.value() : "";
    if (Math.abs(precision) > 300) {
      throw new TemplateException("round: a precision beyond 300");
    }
    return NumberReader.round(input, precision, method);
  }

  private static Value otherwise(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("default", 0, "default_value", "boolean");
    boolean missing =
        input instanceof Value.Undefined || bound.flag(1, false) && !Types.truth(input);
    return missing ? bound.get(0, Text.EMPTY) : input;
  }

  private static Value toJson(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound =
        arguments.bind("tojson", 0, "ensure_ascii", "indent", "separators", "sort_keys");
    String indent = jsonIndent(bound.get(1, Value.NONE));
    String item = indent == null ? ", " : ",";
    String key = ": ";
    if (bound.get(2, Value.NONE) instanceof Value.Sequence pair) {
      if (pair.items().size() != 2
          || !(pair.items().get(0) instanceof Text first)
          || !(pair.items().get(1) instanceof Text second)) {
        throw new TemplateException("tojson: separators are two texts");
      }
      item = first.value();
      key = second.value();
    }
    return new JsonWriter(bound.flag(0, false), indent, item, key, bound.flag(3, false))
        .write(input, in.budget());
  }

  private static @Nullable String jsonIndent(Value indent) {
    if (indent instanceof Text text) {
      return text.value();
    }
    BigInteger columns = Numbers.integer(indent);
    if (columns == null) {
      if (indent instanceof Value.None) {
        return null;
      }
      throw new TemplateException("tojson: the indent is a number or a text");
    }
    if (columns.bitLength() > 10) {
      throw new TemplateException("tojson: the indent is at most 1023");
    }
    return " ".repeat(Math.max(0, columns.intValue()));
  }

  static Value add(Value a, Value b, Interpreter in) {
    return Operators.calculate(ArithmeticOperator.ADD, a, b, in);
  }
}
