package dev.millrace.template;

import dev.millrace.template.Value.Sequence.Kind;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.Objects;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** jinja2's filters of whatever can be gone through. */
final class ListFilters {
  private ListFilters() {}

  private static Value list(List<Value> items) {
    return new Value.Sequence(Kind.LIST, items);
  }

  private static List<Value> items(Value input, Interpreter in) {
    return Types.iterate(input, in.budget());
  }

  static Value join(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("join", 0, "d", "attribute");
    Text separator = Filters.text(bound.get(0, Text.EMPTY), in);
    Value attribute = bound.find(1);
    TextBuilder out = new TextBuilder(in.budget());
    boolean first = true;
    for (Value item : items(input, in)) {
      in.budget().step();
      if (!first) {
        out.append(separator);
      }
      first = false;
      out.append(Filters.text(attribute == null ? item : dig(item, attribute, in), in));
    }
    return out.toText();
  }

  /** By a path like {@code function.name}, or an index. */
  private static Value dig(Value from, Value path, Interpreter in) {
    if (!(path instanceof Text text)) {
      return in.evaluator().item(from, path);
    }
    Value value = from;
    for (String part : text.value().split("\\.", -1)) {
      boolean index =
          !part.isEmpty() && part.length() < 10 && part.chars().allMatch(c -> c >= '0' && c <= '9');
      value =
          in.evaluator()
              .item(value, index ? Value.of(Integer.parseInt(part)) : Text.template(part));
    }
    return value;
  }

  static Value reverse(Value input, Arguments arguments, Interpreter in) {
    arguments.bind("reverse", 0);
    List<Value> reversed = new ArrayList<>(items(input, in));
    in.budget().make(reversed.size());
    Collections.reverse(reversed);
    if (input instanceof Text) {
      TextBuilder out = new TextBuilder(in.budget());
      reversed.forEach(character -> out.append((Text) character));
      return out.toText();
    }
    return new Value.Generator(reversed.iterator());
  }

  /** Texts without regard to case, unless that counts. */
  private static Value folded(Value value, boolean caseSensitive) {
    return value instanceof Text text && !caseSensitive ? text.map(TextMethods::lower) : value;
  }

  static Value sort(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("sort", 0, "reverse", "case_sensitive", "attribute");
    boolean caseSensitive = bound.flag(1, false);
    Value attribute = bound.get(2, Value.NONE);
    List<String> paths =
        attribute instanceof Text text ? List.of(text.value().split(",", -1)) : List.of();
    Function<Value, Value> key =
        item ->
            attribute instanceof Value.None
                ? folded(item, caseSensitive)
                : list(
                    paths.stream()
                        .map(path -> folded(dig(item, Text.template(path), in), caseSensitive))
                        .toList());
    return list(sorted(items(input, in), key, bound.flag(0, false), in));
  }

  private static List<Value> sorted(
      List<Value> items, Function<Value, Value> key, boolean reverse, Interpreter in) {
    record Keyed(Value key, Value item) {}
    in.budget().make(2L * items.size());
    List<Keyed> keyed = new ArrayList<>();
    items.forEach(item -> keyed.add(new Keyed(key.apply(item), item)));
    Comparator<Keyed> order = (a, b) -> Operators.order(a.key(), b.key(), "<", in.budget());
    keyed.sort(reverse ? order.reversed() : order);
    List<Value> sorted = new ArrayList<>();
    keyed.forEach(each -> sorted.add(each.item()));
    return sorted;
  }

  static Value dictSort(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("dictsort", 0, "case_sensitive", "by", "reverse");
    if (!(input instanceof Value.Dict dict)) {
      throw new TemplateException("dictsort wants a dict, not a " + Types.name(input));
    }
    String by = bound.find(1) == null ? "key" : bound.text(1).value();
    if (!by.equals("key") && !by.equals("value")) {
      throw new TemplateException("dictsort: by is key or value");
    }
    boolean caseSensitive = bound.flag(0, false);
    int part = by.equals("key") ? 0 : 1;
    Function<Value, Value> key =
        item -> folded(((Value.Sequence) item).items().get(part), caseSensitive);
    return list(sorted(dict.items(), key, bound.flag(2, false), in));
  }

  static Value unique(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("unique", 0, "case_sensitive", "attribute");
    Value attribute = bound.get(1, Value.NONE);
    Set<Object> seen = new HashSet<>();
    List<Value> unique = new ArrayList<>();
    for (Value item : items(input, in)) {
      Value key = attribute instanceof Value.None ? item : dig(item, attribute, in);
      if (seen.add(Keys.of(folded(key, bound.flag(0, false)), in.budget()))) {
        unique.add(item);
      }
    }
    return new Value.Generator(unique.iterator());
  }

  static Value extreme(String name, Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind(name, 0, "case_sensitive", "attribute");
    Value attribute = bound.get(1, Value.NONE);
    Value best = null;
    Value bestKey = Value.NONE;
    for (Value item : items(input, in)) {
      Value value = attribute instanceof Value.None ? item : dig(item, attribute, in);
      Value key = folded(value, bound.flag(0, false));
      int order = best == null ? 0 : Operators.order(key, bestKey, "<", in.budget());
      if (best == null || (name.equals("min") ? order < 0 : order > 0)) {
        best = item;
        bestKey = key;
      }
    }
    return best == null ? new Value.Undefined(name + ": there is no item") : best;
  }

  static Value sum(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("sum", 0, "attribute", "start");
    Value attribute = bound.get(0, Value.NONE);
    Value sum = bound.get(1, Value.of(0));
    for (Value item : items(input, in)) {
      Value term = attribute instanceof Value.None ? item : dig(item, attribute, in);
      if (sum instanceof Text) {
        throw new TemplateException("sum doesn't add texts");
      }
      sum = Filters.add(sum, term, in);
    }
    return sum;
  }

  static Value batch(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("batch", 1, "linecount", "fill_with");
    int size = bound.integer(0, 0);
    Value fill = bound.get(1, Value.NONE);
    List<Value> batches = new ArrayList<>();
    List<Value> batch = new ArrayList<>();
    for (Value item : items(input, in)) {
      in.budget().make(1);
      if (batch.size() == size) {
        batches.add(list(batch));
        batch = new ArrayList<>();
      }
      batch.add(item);
    }
    if (!batch.isEmpty()) {
      while (!(fill instanceof Value.None) && batch.size() < size) {
        in.budget().make(1);
        batch.add(fill);
      }
      batches.add(list(batch));
    }
    return new Value.Generator(batches.iterator());
  }

  static Value slice(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("slice", 1, "slices", "fill_with");
    int slices = bound.integer(0, 0);
    Value fill = bound.get(1, Value.NONE);
    if (slices <= 0) {
      throw new TemplateException("slice: at least one is needed");
    }
    List<Value> items = items(input, in);
    in.budget().make((long) slices + items.size());
    int least = items.size() / slices;
    int longer = items.size() % slices;
    List<Value> parts = new ArrayList<>();
    int from = 0;
    for (int i = 0; i < slices; i++) {
      int end = from + least + (i < longer ? 1 : 0);
      List<Value> part = new ArrayList<>(items.subList(from, end));
      if (!(fill instanceof Value.None) && i >= longer) {
        part.add(fill);
      }
      parts.add(list(part));
      from = end;
    }
    return new Value.Generator(parts.iterator());
  }

  static Value groupBy(Value input, Arguments arguments, Interpreter in) {
    Arguments.Bound bound = arguments.bind("groupby", 1, "attribute", "default", "case_sensitive");
    boolean caseSensitive = bound.flag(2, false);
    Function<Value, Value> value =
        item -> {
          Value found = dig(item, bound.get(0), in);
          return found instanceof Value.Undefined ? bound.get(1, found) : found;
        };
    Function<Value, Value> key = item -> folded(value.apply(item), caseSensitive);
    List<Value> groups = new ArrayList<>();
    List<Value> group = new ArrayList<>();
    List<Value> sorted = sorted(items(input, in), key, false, in);
    for (int i = 0; i < sorted.size(); i++) {
      group.add(sorted.get(i));
      boolean last =
          i + 1 == sorted.size()
              || !Operators.equal(
                  key.apply(sorted.get(i)), key.apply(sorted.get(i + 1)), in.budget());
      if (last) {
        groups.add(Value.tuple(value.apply(group.getFirst()), list(group)));
        group = new ArrayList<>();
      }
    }
    return list(groups);
  }

  /**
   * Whose items are made when they are wanted; so what is wrong shows then, and not at all where
   * there's nothing to go through, be it None.
   *
   * @param prepare gives what makes an item of one, or null for none
   */
  private static Value lazily(
      Value input, Supplier<Function<Value, @Nullable Value>> prepare, Interpreter in) {
    return new Value.Generator(
        new Iterator<>() {
          private @Nullable Iterator<Value> source;
          private @Nullable Function<Value, @Nullable Value> make;
          private @Nullable Value made;

          @Override
          public boolean hasNext() {
            in.budget().enter(); // what this goes through may be another one of these
            if (source == null) {
              boolean any = Types.truth(input);
              source = (any ? items(input, in) : List.<Value>of()).iterator();
              make = any ? prepare.get() : null;
            }
            while (made == null && make != null && source.hasNext()) {
              in.budget().step();
              made = make.apply(source.next());
            }
            in.budget().leave();
            return made != null;
          }

          @Override
          public Value next() {
            if (!hasNext()) {
              throw new NoSuchElementException();
            }
            Value item = Objects.requireNonNull(made);
            made = null;
            return item;
          }
        });
  }

  static Value map(Value input, Arguments arguments, Interpreter in) {
    return lazily(input, () -> mapping(arguments, in), in);
  }

  private static Function<Value, @Nullable Value> mapping(Arguments arguments, Interpreter in) {
    if (arguments.positional().isEmpty() && arguments.named().containsKey("attribute")) {
      Arguments.Bound bound = arguments.bind("map", 0, "attribute", "default");
      Value attribute = bound.get(0);
      return item -> {
        Value found = dig(item, attribute, in);
        return found instanceof Value.Undefined ? bound.get(1, found) : found;
      };
    }
    String name = name("map", arguments, 0);
    Arguments rest = rest(arguments, 1);
    return item -> Filters.apply(name, item, rest, in);
  }

  private static String name(String filter, Arguments arguments, int at) {
    if (arguments.positional().size() > at && arguments.positional().get(at) instanceof Text name) {
      return name.value();
    }
    throw new TemplateException(filter + " wants a name");
  }

  private static Arguments rest(Arguments arguments, int from) {
    List<Value> positional = arguments.positional();
    return new Arguments(
        positional.subList(Math.min(from, positional.size()), positional.size()),
        new LinkedHashMap<>(arguments.named()));
  }

  static Value select(Value input, Arguments arguments, boolean wanted, Interpreter in) {
    return lazily(input, () -> selection(Function.identity(), arguments, 0, wanted, in), in);
  }

  static Value selectBy(Value input, Arguments arguments, boolean wanted, Interpreter in) {
    return lazily(
        input,
        () -> {
          if (arguments.positional().isEmpty()) {
            throw new TemplateException("selectattr and rejectattr want an attribute");
          }
          Value attribute = arguments.positional().getFirst();
          return selection(item -> dig(item, attribute, in), arguments, 1, wanted, in);
        },
        in);
  }

  private static Function<Value, @Nullable Value> selection(
      Function<Value, Value> part,
      Arguments arguments,
      int nameAt,
      boolean wanted,
      Interpreter in) {
    boolean byTruth = arguments.positional().size() <= nameAt;
    String test = byTruth ? "" : name("select", arguments, nameAt);
    Arguments rest = rest(arguments, nameAt + 1);
    return item -> {
      Value value = part.apply(item);
      boolean holds = byTruth ? Types.truth(value) : Tests.holds(test, value, rest, in);
      return holds == wanted ? item : null;
    };
  }
}
