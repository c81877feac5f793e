package dev.millrace.grammar.schema;

import dev.millrace.grammar.automaton.Automaton;
import dev.millrace.grammar.automaton.Budget;
import dev.millrace.grammar.automaton.Pattern;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What schemas that hold together say about an object's members. */
final class Members {
  /** A pattern of names, and the schema that their members obey. */
  private record NamePattern(Part from, String expression, Automaton names, Part schema) {}

  /**
   * @param names single ones labelled by their index, then the open sets
   * @param openSchemas for each open set
   */
  record Labelled(Automaton names, List<Set<Part>> openSchemas) {}

  private final Conjunction way;
  private final Budget budget;
  private final List<String> names;
  private final List<String> requiredNames;
  private final Set<Part> nameSchemas = new LinkedHashSet<>();
  private final List<NamePattern> patterns = new ArrayList<>();

  Members(Conjunction way, Budget budget) {
    this.way = way;
    this.budget = budget;
    Set<String> named = new LinkedHashSet<>();
    Set<String> required = new LinkedHashSet<>();
    for (Part part : way.parts) {
      named.addAll(part.members("properties").keySet());
      required.addAll(part.texts("required"));
      part.schema("propertyNames").ifPresent(nameSchemas::add);
      for (String expression : part.members("patternProperties").keySet()) {
        Pattern pattern = Conjunction.unanchored(part, "patternProperties", expression, budget);
        patterns.add(
            new NamePattern(
                part,
                expression,
                Conjunction.inside(part, () -> Automaton.of(pattern, budget)),
                part.member("patternProperties", expression).orElseThrow()));
      }
    }
    named.addAll(required);
    this.names = List.copyOf(named);
    this.requiredNames = List.copyOf(required);
  }

  /** Those that are told apart; each may have schemas of its own. */
  List<String> names() {
    return names;
  }

  List<String> requiredNames() {
    return requiredNames;
  }

  /** As indexes of names. */
  BitSet required() {
    BitSet indexes = new BitSet();
    for (int i = 0; i < names.size(); i++) {
      indexes.set(i, requiredNames.contains(names.get(i)));
    }
    return indexes;
  }

  /** What names obey. */
  Set<Part> nameSchemas() {
    return nameSchemas;
  }

  /** What the member of a name obeys. */
  Set<Part> schemas(String name) {
    boolean[] matches = new boolean[patterns.size()];
    for (int i = 0; i < matches.length; i++) {
      matches[i] = patterns.get(i).names.accepts(name);
    }
    Set<Part> schemas = schemas(matches, name);
    way.parts.forEach(part -> part.member("properties", name).ifPresent(schemas::add));
    return schemas;
  }

  /**
   * @param named a part that has it among its properties gives no additionalProperties; empty where
   *     none has
   */
  private Set<Part> schemas(boolean[] matches, String named) {
    Set<Part> schemas = new LinkedHashSet<>();
    for (Part part : way.parts) {
      boolean additional = named.isEmpty() || !part.members("properties").containsKey(named);
      for (int i = 0; i < matches.length; i++) {
        if (matches[i] && patterns.get(i).from.equals(part)) {
          schemas.add(patterns.get(i).schema);
          additional = false;
        }
      }
      if (additional) {
        part.schema("additionalProperties").ifPresent(schemas::add);
      }
    }
    return schemas;
  }

  /**
   * Labels all names that members may have.
   *
   * @param restrictions what names that stand nowhere must be among, besides
   */
  Labelled label(List<Automaton> restrictions) {
    Map<Set<Part>, Integer> open = new LinkedHashMap<>();
    List<Automaton> readers = new ArrayList<>();
    readers.add(Automaton.ofTexts(names, budget));
    patterns.forEach(pattern -> readers.add(pattern.names));
    readers.addAll(restrictions);
    boolean closed =
        patterns.isEmpty() && schemas(new boolean[0], "").stream().anyMatch(Part::isFalse);
    if (!closed) {
      readers.add(Automaton.of(Pattern.anything(), budget));
    }
    Automaton labelled =
        Automaton.product(
            readers,
            labels -> {
              if (labels[0] >= 0) {
                return labels[0];
              }
              for (int i = 1 + patterns.size(); i < labels.length; i++) {
                if (labels[i] == Automaton.NONE) {
                  return Automaton.NONE;
                }
              }
              if (closed) {
                return Automaton.NONE;
              }
              boolean[] matches = new boolean[patterns.size()];
              for (int i = 0; i < matches.length; i++) {
                matches[i] = labels[1 + i] >= 0;
              }
              Set<Part> schemas = schemas(matches, "");
              return schemas.stream().anyMatch(Part::isFalse)
                  ? Automaton.NONE
                  : names.size() + open.computeIfAbsent(schemas, each -> open.size());
            },
            budget);
    return new Labelled(labelled, List.copyOf(open.keySet()));
  }
}
