package dev.millrace.grammar.schema;

import dev.millrace.grammar.automaton.Budget;
import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.json.JsonValue;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;

/**
 * From schemas that hold together to the ways in which they can: references followed, allOf laid
 * flat, of every anyOf one taken. What is left are {@link Conjunction}s.
 */
final class Expander {
  /** Ways of one place: ten anyOf of two each are about as many. */
  private static final int MAX_WAYS = 1_000;

  /** Which branches of oneOf exclude each other. */
  interface Disjointness {
    boolean areDisjoint(Part one, Part other);
  }

  private final Budget budget;
  private final References references;
  private final Negation negation;
  private final Disjointness disjointness;
  private final Map<Set<Part>, List<Conjunction>> known = new HashMap<>();

  Expander(References references, Disjointness disjointness, Budget budget) {
    this.references = references;
    this.negation = new Negation(references::resolve);
    this.disjointness = disjointness;
    this.budget = budget;
  }

  /** All ways; none if the schemas can't hold together. */
  List<Conjunction> expand(Set<Part> schemas) {
    List<Conjunction> ways = known.get(schemas);
    if (ways == null) {
      ways = new ArrayList<>();
      List<Way> open = new ArrayList<>(List.of(new Way(schemas)));
      while (!open.isEmpty()) {
        step(open.removeLast(), open, ways);
        if (open.size() + ways.size() > MAX_WAYS) {
          throw new FormatException(
              schemas.iterator().next().pointer(),
              "can hold in more than the " + MAX_WAYS + " ways that are allowed");
        }
      }
      known.put(schemas, ways);
    }
    return ways;
  }

  /** One on its way to a conjunction. */
  private static final class Way {
    final Set<Part> taken = new LinkedHashSet<>();
    final List<Part> pending = new ArrayList<>();
    final List<List<List<Part>>> choices = new ArrayList<>();

    Way(Collection<Part> schemas) {
      pending.addAll(schemas);
    }

    Way(Way from, List<Part> choice) {
      taken.addAll(from.taken);
      choices.addAll(from.choices);
      pending.addAll(choice);
    }
  }

  private void step(Way way, List<Way> open, List<Conjunction> ways) {
    while (!way.pending.isEmpty()) {
      budget.spend(10);
      Part part = way.pending.removeLast();
      if (part.isFalse()) {
        return;
      }
      if (part.schema() instanceof JsonValue.Members && way.taken.add(part)) {
        take(part, way);
      }
    }
    if (way.choices.isEmpty()) {
      ways.add(new Conjunction(new ArrayList<>(way.taken), budget));
      return;
    }
    List<List<Part>> options = way.choices.removeLast();
    for (List<Part> option : options.reversed()) {
      budget.spend(10 + way.taken.size());
      open.add(new Way(way, option));
    }
  }

  private void take(Part part, Way way) {
    Vocabulary.check(part);
    if (part.has("$ref")) {
      way.pending.add(references.resolve(part));
    }
    way.pending.addAll(part.list("allOf"));
    if (part.has("anyOf")) {
      way.choices.add(part.list("anyOf").stream().map(List::of).toList());
    }
    if (part.has("oneOf")) {
      way.choices.add(oneOf(part));
    }
    part.schema("not").ifPresent(not -> way.choices.add(negation.of(not)));
    if (part.has("if") && (part.has("then") || part.has("else"))) {
      way.choices.add(ifThenElse(part));
    }
    for (String name : part.members("dependentRequired").keySet()) {
      way.choices.add(dependentRequired(part, name));
    }
    for (String name : part.members("dependentSchemas").keySet()) {
      Part schema = part.member("dependentSchemas", name).orElseThrow();
      way.choices.add(
          List.of(List.of(without(part, name)), List.of(withNames(part, name, List.of()), schema)));
    }
  }

  /** One holds, and where it isn't plain that the others then don't, they are made not to. */
  private List<List<Part>> oneOf(Part part) {
    List<Part> branches = part.list("oneOf");
    List<List<Part>> options = new ArrayList<>();
    for (Part branch : branches) {
      List<Part> option = new ArrayList<>(List.of(branch));
      for (Part other : branches) {
        if (!other.equals(branch) && !disjointness.areDisjoint(branch, other)) {
          option.add(Negation.not(other));
        }
      }
      options.add(option);
    }
    return options;
  }

  private List<List<Part>> ifThenElse(Part part) {
    Part condition = part.schema("if").orElseThrow();
    List<List<Part>> options = new ArrayList<>();
    options.add(Stream.concat(Stream.of(condition), part.schema("then").stream()).toList());
    for (List<Part> way : negation.of(condition)) {
      options.add(Stream.concat(way.stream(), part.schema("else").stream()).toList());
    }
    return options;
  }

  private static List<List<Part>> dependentRequired(Part part, String name) {
    JsonValue others = part.members("dependentRequired").get(name);
    List<String> names =
        part.array("dependentRequired", Objects.requireNonNull(others)).stream()
            .map(each -> part.text("dependentRequired", each))
            .toList();
    return List.of(List.of(without(part, name)), List.of(withNames(part, name, names)));
  }

  /** Anything but an object with that member. */
  private static Part without(Part part, String name) {
    return Negation.made(
        part,
        "without/" + name,
        Map.of(
            "properties",
            new JsonValue.Members(new LinkedHashMap<>(Map.of(name, new JsonValue.Bool(false))))));
  }

  private static Part withNames(Part part, String name, List<String> names) {
    List<JsonValue> required =
        Stream.concat(Stream.of(name), names.stream())
            .map(each -> (JsonValue) new JsonValue.Text(each))
            .toList();
    return Negation.made(
        part,
        "with/" + name,
        Map.of("type", new JsonValue.Text("object"), "required", new JsonValue.Array(required)));
  }
}
