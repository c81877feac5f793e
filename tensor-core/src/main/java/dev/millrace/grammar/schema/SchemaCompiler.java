package dev.millrace.grammar.schema;

import dev.millrace.grammar.automaton.Automaton;
import dev.millrace.grammar.automaton.Budget;
import dev.millrace.grammar.automaton.ByteAutomaton;
import dev.millrace.grammar.automaton.CodePoints;
import dev.millrace.grammar.automaton.CountedString;
import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.grammar.automaton.Pattern;
import dev.millrace.grammar.automaton.TableAutomaton;
import dev.millrace.grammar.machine.MemberNames;
import dev.millrace.grammar.machine.Node;
import dev.millrace.grammar.schema.Conjunction.ValueType;
import dev.millrace.json.JsonException;
import dev.millrace.json.JsonReader;
import dev.millrace.json.JsonValue;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Compiles a schema to the texts of its values. A node is made for each set of schemas that hold
 * together somewhere, once: so recursive schemas become circles of nodes. What is still to be made
 * waits in a queue, since a schema may nest deeper than a stack.
 */
public final class SchemaCompiler {
  private static final ByteAutomaton NULL = literals(List.of("null"));
  private static final ByteAutomaton ANY_NUMBER = pattern(Numbers.ANY);
  private static final ByteAutomaton ANY_INTEGER = pattern(Numbers.INTEGER);

  /** What a schema that allows nothing but objects says; for responses that are any object. */
  private static final Part ANY_OBJECT = new Part("", JsonReader.read("{\"type\": \"object\"}"));

  private record Task(Node.Rule rule, Set<Part> schemas) {}

  private final Budget budget;
  private final Expander expander;
  private final Map<Set<Part>, Node.Rule> rules = new HashMap<>();
  private final Deque<Task> tasks = new ArrayDeque<>();

  private SchemaCompiler(Part root, Budget budget) {
    References references = new References(root);
    this.budget = budget;
    this.expander = new Expander(references, new Overlap(references, budget), budget);
  }

  private static ByteAutomaton literals(List<String> texts) {
    Budget budget = new Budget();
    return TableAutomaton.ofText(Automaton.ofTexts(texts, budget), budget);
  }

  private static ByteAutomaton pattern(Pattern pattern) {
    Budget budget = new Budget();
    return TableAutomaton.ofText(Automaton.of(pattern, budget), budget);
  }

  /**
   * @param schema a JSON document
   * @throws FormatException with a JSON pointer to what is wrong or not supported
   */
  public static Node compile(String schema, Budget budget) {
    JsonValue document;
    try {
      document = JsonReader.read(schema);
    } catch (JsonException e) {
      throw new FormatException("", "is no JSON document: " + e.getMessage());
    }
    try {
      Part root = new Part("", document);
      return new SchemaCompiler(root, budget).compile(root);
    } catch (FormatException e) {
      int made = e.where().indexOf(Conjunction.INTERNAL);
      throw made < 0
          ? e
          : new FormatException(
              e.where().substring(0, made),
              "through " + e.where().substring(made + 1) + ": " + e.getMessage());
    }
  }

  /** Any JSON object. */
  public static Node anyObject(Budget budget) {
    return new SchemaCompiler(ANY_OBJECT, budget).compile(ANY_OBJECT);
  }

  private Node compile(Part root) {
    Node node = rule(Set.of(root));
    for (Task task = tasks.poll(); task != null; task = tasks.poll()) {
      List<Node> ways = new ArrayList<>();
      for (Conjunction way : expander.expand(task.schemas)) {
        budget.spend(100);
        ways.add(node(way));
      }
      task.rule.define(new Node.Either(ways));
    }
    return node;
  }

  private Node rule(Set<Part> schemas) {
    Node.Rule known = rules.get(schemas);
    if (known == null) {
      budget.spend(100);
      known = new Node.Rule();
      rules.put(schemas, known);
      tasks.add(new Task(known, schemas));
    }
    return known;
  }

  private static Node nothing() {
    return new Node.Either(List.of());
  }

  private Node node(Conjunction way) {
    Optional<List<JsonValue>> values = way.values();
    if (values.isPresent()) {
      return values(values.get().stream().filter(value -> accepts(way, value)).toList());
    }
    checkForbidden(way);
    return new Node.Either(way.types().stream().map(type -> node(way, type)).toList());
  }

  private static void checkForbidden(Conjunction way) {
    for (JsonValue value : way.forbidden()) {
      boolean nested = value instanceof JsonValue.Array || value instanceof JsonValue.Members;
      ValueType type = value instanceof JsonValue.Array ? ValueType.ARRAY : ValueType.OBJECT;
      if (nested && way.types().contains(type)) {
        Part part =
            way.parts.stream().filter(p -> p.has(Conjunction.NOT_ONE_OF)).findFirst().orElseThrow();
        throw new FormatException(
            part.pointer(), "arrays and objects that must not be the value aren't supported");
      }
    }
  }

  private Node node(Conjunction way, ValueType type) {
    return switch (type) {
      case NULL -> way.forbids(new JsonValue.Null()) ? nothing() : new Node.Terminal(NULL);
      case BOOLEAN -> {
        List<JsonValue> booleans = List.of(new JsonValue.Bool(true), new JsonValue.Bool(false));
        yield values(booleans.stream().filter(value -> !way.forbids(value)).toList());
      }
      case NUMBER ->
          new Node.Terminal(
              way.numbers()
                  .map(numbers -> (ByteAutomaton) TableAutomaton.ofText(numbers, budget))
                  .orElse(way.onlyIntegers() ? ANY_INTEGER : ANY_NUMBER));
      case STRING -> string(way);
      case ARRAY -> array(way);
      case OBJECT -> object(way);
    };
  }

  /** These values, each in one spelling; objects' members in any order. */
  private Node values(List<JsonValue> values) {
    List<Node> nodes = new ArrayList<>();
    List<String> scalars = new ArrayList<>();
    for (JsonValue value : values) {
      budget.spend(1);
      switch (value) {
        case JsonValue.Array array ->
            nodes.add(
                new Node.ItemList(
                    array.items().stream().map(item -> values(List.of(item))).toList(),
                    nothing(),
                    array.items().size(),
                    array.items().size()));
        case JsonValue.Members object -> {
          List<String> names = List.copyOf(object.members().keySet());
          BitSet all = new BitSet();
          all.set(0, names.size());
          nodes.add(
              new Node.MemberSet(
                  new MemberNames(Automaton.ofTexts(names, budget), names.size(), all, budget),
                  object.members().values().stream().map(each -> values(List.of(each))).toList(),
                  0,
                  names.size()));
        }
        case JsonValue.Null _, JsonValue.Bool _, JsonValue.Decimal _, JsonValue.Text _ ->
            scalars.add(value.toJson());
      }
    }
    if (!scalars.isEmpty()) {
      nodes.add(
          new Node.Terminal(TableAutomaton.ofText(Automaton.ofTexts(scalars, budget), budget)));
    }
    return new Node.Either(nodes);
  }

  private Node string(Conjunction way) {
    int least = way.leastLength();
    int most = way.most("maxLength");
    Optional<Automaton> contents = way.stringContents();
    if (least > most) {
      return nothing();
    }
    if (contents.isEmpty()) {
      boolean free = least == 0 && most >= CountedString.MAX_LENGTH;
      return new Node.Terminal(free ? CountedString.free() : new CountedString(least, most));
    }
    Automaton limited = contents.get();
    if (least > 0 || most < CountedString.MAX_LENGTH) {
      Pattern counted =
          new Pattern.Repeat(
              new Pattern.OneOf(CodePoints.ALL),
              least,
              most < CountedString.MAX_LENGTH ? most : Pattern.UNBOUNDED);
      limited =
          Conjunction.inside(
              way.parts.getFirst(),
              () -> contents.get().and(Automaton.of(counted, budget), budget));
    }
    return new Node.Terminal(TableAutomaton.ofJsonString(limited, budget));
  }

  // ---- arrays

  private Node array(Conjunction way) {
    int most = way.most("maxItems");
    for (Part part : way.parts) {
      if (part.flag("uniqueItems") && most > 1) {
        return differentValues(way, part, most);
      }
      if (part.get("items") instanceof JsonValue.Array) {
        throw part.wrong("items", "is an array, as in older drafts; prefixItems is its name now");
      }
    }
    int first =
        way.parts.stream().mapToInt(part -> part.list("prefixItems").size()).max().orElse(0);
    return new Node.ItemList(
        IntStream.range(0, Math.min(first, most))
            .mapToObj(index -> rule(itemSchemas(way, index)))
            .toList(),
        rule(itemSchemas(way, first)),
        way.least("minItems"),
        most);
  }

  /** An array without repetitions: where its items are some single values, each in one spelling. */
  private Node differentValues(Conjunction way, Part unique, int most) {
    FormatException refusal =
        unique.wrong(
            "uniqueItems",
            "is supported where items are scalars out of an enum only: else what is allowed would"
                + " depend on all items before");
    if (way.parts.stream().anyMatch(part -> part.has("prefixItems"))) {
      throw refusal;
    }
    Set<JsonValue> values = new LinkedHashSet<>();
    for (Conjunction items : expander.expand(itemSchemas(way, 0))) {
      List<JsonValue> some = items.values().orElseThrow(() -> refusal);
      some.stream().filter(value -> accepts(items, value)).forEach(values::add);
    }
    if (values.stream()
        .anyMatch(v -> v instanceof JsonValue.Array || v instanceof JsonValue.Members)) {
      throw refusal;
    }
    List<String> texts = values.stream().map(JsonValue::toJson).toList();
    return Node.MemberSet.ofValues(
        MemberNames.ofValues(texts, budget), way.least("minItems"), most);
  }

  private static Set<Part> itemSchemas(Conjunction way, int index) {
    Set<Part> schemas = new LinkedHashSet<>();
    for (Part part : way.parts) {
      List<Part> prefix = part.list("prefixItems");
      if (index < prefix.size()) {
        schemas.add(prefix.get(index));
      } else {
        part.schema("items").ifPresent(schemas::add);
      }
    }
    return schemas;
  }

  // ---- objects

  private Node object(Conjunction way) {
    Members members = new Members(way, budget);
    List<Node> values = new ArrayList<>();
    for (String name : members.names()) {
      boolean possible =
          members.nameSchemas().isEmpty()
              || accepts(members.nameSchemas(), new JsonValue.Text(name));
      values.add(possible ? rule(members.schemas(name)) : nothing());
    }
    List<Automaton> restrictions =
        members.nameSchemas().isEmpty() ? List.of() : List.of(nameTexts(members.nameSchemas()));
    Members.Labelled labelled = members.label(restrictions);
    labelled.openSchemas().forEach(schemas -> values.add(rule(schemas)));
    return new Node.MemberSet(
        new MemberNames(labelled.names(), members.names().size(), members.required(), budget),
        values,
        way.least("minProperties"),
        way.most("maxProperties"));
  }

  /** The strings that schemas allow, for names. */
  private Automaton nameTexts(Set<Part> schemas) {
    Automaton texts = Automaton.ofTexts(List.of(), budget);
    for (Conjunction way : expander.expand(schemas)) {
      Optional<List<JsonValue>> values = way.values();
      if (values.isPresent()) {
        List<String> accepted =
            values.get().stream()
                .filter(value -> accepts(way, value))
                .filter(JsonValue.Text.class::isInstance)
                .map(value -> ((JsonValue.Text) value).value())
                .toList();
        texts = texts.or(Automaton.ofTexts(accepted, budget), budget);
      } else if (way.types().contains(ValueType.STRING)) {
        int most = way.most("maxLength");
        Pattern counted =
            new Pattern.Repeat(
                new Pattern.OneOf(CodePoints.ALL),
                way.leastLength(),
                most < CountedString.MAX_LENGTH ? most : Pattern.UNBOUNDED);
        Automaton limited = Automaton.of(counted, budget);
        Optional<Automaton> contents = way.stringContents();
        texts =
            texts.or(contents.isPresent() ? contents.get().and(limited, budget) : limited, budget);
      }
    }
    return texts;
  }

  // ---- whether a value obeys schemas: for enum and const beside other keywords

  private boolean accepts(Set<Part> schemas, JsonValue value) {
    return expander.expand(schemas).stream().anyMatch(way -> accepts(way, value));
  }

  private boolean accepts(Conjunction way, JsonValue value) {
    budget.spend(10);
    if (way.forbids(value) || way.values().filter(values -> !values.contains(value)).isPresent()) {
      return false;
    }
    Set<ValueType> types = way.types();
    return switch (value) {
      case JsonValue.Null _ -> types.contains(ValueType.NULL);
      case JsonValue.Bool _ -> types.contains(ValueType.BOOLEAN);
      case JsonValue.Decimal number ->
          types.contains(ValueType.NUMBER) && way.acceptsNumber(number.value());
      case JsonValue.Text text ->
          types.contains(ValueType.STRING) && way.acceptsString(text.value());
      case JsonValue.Array array -> types.contains(ValueType.ARRAY) && acceptsArray(way, array);
      case JsonValue.Members object ->
          types.contains(ValueType.OBJECT) && acceptsObject(way, object);
    };
  }

  private boolean acceptsArray(Conjunction way, JsonValue.Array array) {
    List<JsonValue> items = array.items();
    boolean unique = way.parts.stream().noneMatch(part -> part.flag("uniqueItems"));
    return items.size() >= way.least("minItems")
        && items.size() <= way.most("maxItems")
        && (unique || new HashSet<>(items).size() == items.size())
        && IntStream.range(0, items.size())
            .allMatch(i -> accepts(itemSchemas(way, i), items.get(i)));
  }

  private boolean acceptsObject(Conjunction way, JsonValue.Members object) {
    Members members = new Members(way, budget);
    Map<String, JsonValue> values = object.members();
    return values.size() >= way.least("minProperties")
        && values.size() <= way.most("maxProperties")
        && values.keySet().containsAll(members.requiredNames())
        && values.keySet().stream()
            .allMatch(name -> accepts(members.nameSchemas(), new JsonValue.Text(name)))
        && values.entrySet().stream()
            .allMatch(each -> accepts(members.schemas(each.getKey()), each.getValue()));
  }
}
