package dev.millrace.grammar.schema;

import dev.millrace.json.JsonValue;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;

/**
 * What it means that a schema doesn't hold: at least one of its keywords doesn't. Each way is a
 * list of schemas that hold instead.
 */
final class Negation {
  private static final List<String> TYPES =
      List.of("null", "boolean", "number", "string", "array", "object");

  private final UnaryOperator<Part> resolver;

  /**
   * @param resolver of references: from a part with $ref to the one that it means
   */
  Negation(UnaryOperator<Part> resolver) {
    this.resolver = resolver;
  }

  /** All ways; none if the schema always holds. */
  List<List<Part>> of(Part part) {
    if (part.schema() instanceof JsonValue.Bool) {
      return part.isFalse() ? List.of(List.of()) : List.of();
    }
    Vocabulary.check(part);
    List<List<Part>> ways = new ArrayList<>();
    for (String keyword : part.keywords().keySet()) {
      if (!Vocabulary.isAnnotation(keyword)) {
        ways.addAll(of(part, keyword));
      }
    }
    return ways;
  }

  private List<List<Part>> of(Part part, String keyword) {
    return switch (keyword) {
      case "type" -> types(part);
      case "const" -> one(part, keyword, Map.of(Conjunction.NOT_ONE_OF, list(part.value("const"))));
      case "enum" -> one(part, keyword, Map.of(Conjunction.NOT_ONE_OF, part.value("enum")));
      case "required" ->
          part.texts("required").stream()
              .flatMap(name -> one(part, keyword + "/" + name, absent(name)).stream())
              .toList();
      case "properties" ->
          part.members("properties").entrySet().stream()
              .flatMap(each -> property(part, each.getKey(), each.getValue()).stream())
              .toList();
      case "minimum" -> bound(part, keyword, "exclusiveMaximum");
      case "maximum" -> bound(part, keyword, "exclusiveMinimum");
      case "exclusiveMinimum" -> bound(part, keyword, "maximum");
      case "exclusiveMaximum" -> bound(part, keyword, "minimum");
      case "minLength" -> count(part, keyword, "string", "maxLength", -1);
      case "maxLength" -> count(part, keyword, "string", "minLength", 1);
      case "minItems" -> count(part, keyword, "array", "maxItems", -1);
      case "maxItems" -> count(part, keyword, "array", "minItems", 1);
      case "minProperties" -> count(part, keyword, "object", "maxProperties", -1);
      case "maxProperties" -> count(part, keyword, "object", "minProperties", 1);
      case "pattern" ->
          one(
              part,
              keyword,
              Map.of("type", text("string"), Conjunction.NOT_PATTERN, part.value("pattern")));
      case "anyOf" -> List.of(part.list("anyOf").stream().map(Negation::not).toList());
      case "allOf" -> part.list("allOf").stream().map(each -> List.of(not(each))).toList();
      case "not" -> List.of(List.of(part.schema("not").orElseThrow()));
      case "$ref" -> List.of(List.of(not(resolver.apply(part))));
      default -> throw part.wrong(keyword, "isn't supported where the schema must not hold");
    };
  }

  /** As a schema, so that it is read when its turn comes. */
  static Part not(Part part) {
    return made(part, "not", Map.of("not", part.schema()));
  }

  private List<List<Part>> types(Part part) {
    List<String> names = Conjunction.typeNames(part);
    List<List<Part>> ways = new ArrayList<>();
    List<JsonValue> others =
        TYPES.stream()
            .filter(name -> !names.contains(name))
            .filter(name -> !(name.equals("number") && names.contains("integer")))
            .map(Negation::text)
            .toList();
    if (!others.isEmpty()) {
      ways.addAll(one(part, "type", Map.of("type", new JsonValue.Array(others))));
    }
    if (names.contains("integer") && !names.contains("number")) {
      ways.addAll(
          one(
              part,
              "type/integer",
              Map.of("type", text("number"), Conjunction.FRACTION, new JsonValue.Bool(true))));
    }
    return ways;
  }

  private static List<List<Part>> property(Part part, String name, JsonValue schema) {
    Map<String, JsonValue> members = new LinkedHashMap<>();
    members.put(name, object(Map.of("not", schema)));
    return one(
        part,
        "properties/" + name,
        Map.of(
            "type", text("object"), "required", list(text(name)), "properties", object(members)));
  }

  /** Schemas that objects without a member obey. */
  static Map<String, JsonValue> absent(String name) {
    return Map.of(
        "type", text("object"), "properties", object(Map.of(name, new JsonValue.Bool(false))));
  }

  private static List<List<Part>> bound(Part part, String keyword, String opposite) {
    BigDecimal bound = part.number(keyword).orElseThrow();
    return one(
        part, keyword, Map.of("type", text("number"), opposite, new JsonValue.Decimal(bound)));
  }

  private static List<List<Part>> count(
      Part part, String keyword, String type, String opposite, int step) {
    long limit = part.count(keyword).orElseThrow() + (long) step;
    return limit < 0
        ? List.of()
        : one(
            part,
            keyword,
            Map.of("type", text(type), opposite, new JsonValue.Decimal(BigDecimal.valueOf(limit))));
  }

  private static List<List<Part>> one(Part part, String what, Map<String, JsonValue> schema) {
    return List.of(List.of(made(part, what, schema)));
  }

  /**
   * A schema that isn't in the document. What is wrong in it is told with the place that it was
   * made from.
   */
  static Part made(Part from, String what, Map<String, JsonValue> schema) {
    return new Part(from.pointer() + Conjunction.INTERNAL + what, object(schema));
  }

  private static JsonValue object(Map<String, JsonValue> members) {
    return new JsonValue.Members(new LinkedHashMap<>(members));
  }

  private static JsonValue list(JsonValue one) {
    return new JsonValue.Array(List.of(one));
  }

  private static JsonValue text(String text) {
    return new JsonValue.Text(text);
  }
}
