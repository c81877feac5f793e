package dev.millrace.grammar.schema;

import static java.util.Map.entry;

import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/** Which keywords are obeyed, which only say something to readers, and why others are refused. */
final class Vocabulary {
  private static final Set<String> OBEYED =
      Set.of(
          "type",
          "enum",
          "const",
          "properties",
          "required",
          "additionalProperties",
          "patternProperties",
          "propertyNames",
          "minProperties",
          "maxProperties",
          "items",
          "prefixItems",
          "minItems",
          "maxItems",
          "uniqueItems",
          "minLength",
          "maxLength",
          "pattern",
          "format",
          "minimum",
          "maximum",
          "exclusiveMinimum",
          "exclusiveMaximum",
          "multipleOf",
          "anyOf",
          "oneOf",
          "allOf",
          "not",
          "if",
          "then",
          "else",
          "dependentRequired",
          "dependentSchemas",
          "$ref");

  private static final Set<String> ANNOTATIONS =
      Set.of(
          "title",
          "description",
          "default",
          "examples",
          "deprecated",
          "readOnly",
          "writeOnly",
          "$comment",
          "$schema",
          "$id",
          "$anchor",
          "$defs",
          "definitions",
          "$vocabulary",
          "contentEncoding",
          "contentMediaType",
          "contentSchema",
          "discriminator");

  /** Older drafts from 6 on as well: their keywords mean the same, or are refused. */
  private static final Pattern DRAFTS =
      Pattern.compile("https?://json-schema.org/(draft/20(19-09|20-12)|draft-0[67])/schema#?");

  private static final String LOOKS_BACK = "what is allowed would depend on all items before";
  private static final String OLDER = "is of an older draft; ";

  private static final Map<String, String> REFUSED =
      Map.ofEntries(
          entry("contains", LOOKS_BACK),
          entry("minContains", LOOKS_BACK),
          entry("maxContains", LOOKS_BACK),
          entry("unevaluatedItems", "say items instead"),
          entry("unevaluatedProperties", "say additionalProperties instead"),
          entry("$dynamicRef", "say $ref instead"),
          entry("$dynamicAnchor", "say $anchor instead"),
          entry("$recursiveRef", OLDER + "say $ref instead"),
          entry("$recursiveAnchor", OLDER + "say $anchor instead"),
          entry("additionalItems", OLDER + "say prefixItems and items instead"),
          entry("dependencies", OLDER + "say dependentRequired or dependentSchemas instead"),
          entry("nullable", "is of OpenAPI; add null to type instead"));

  private Vocabulary() {}

  static boolean isAnnotation(String keyword) {
    return ANNOTATIONS.contains(keyword) || keyword.startsWith("x-");
  }

  /**
   * @throws dev.millrace.grammar.automaton.FormatException for the first keyword that can't be
   *     obeyed
   */
  static void check(Part part) {
    if (part.has("$id") && !part.pointer().isEmpty()) {
      throw part.wrong("$id", "isn't supported within a schema: references have one document");
    }
    if (part.has("$schema")) {
      String draft = part.text("$schema", part.value("$schema"));
      if (!DRAFTS.matcher(draft).matches()) {
        throw part.wrong(
            "$schema",
            "is " + draft + "; https://json-schema.org/draft/2020-12/schema is followed");
      }
    }
    for (String keyword : part.keywords().keySet()) {
      boolean known =
          OBEYED.contains(keyword)
              || isAnnotation(keyword)
              || keyword.startsWith(Conjunction.INTERNAL) && Part.isMade(part);
      if (!known) {
        String reason = REFUSED.get(keyword);
        throw part.wrong(
            keyword,
            reason == null
                ? "is no keyword that is known; these are: "
                    + OBEYED.stream().sorted().collect(Collectors.joining(", "))
                : "isn't supported: " + reason);
      }
    }
  }
}
