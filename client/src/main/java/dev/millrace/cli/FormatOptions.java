package dev.millrace.cli;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What the output must be; one of these at most. */
final class FormatOptions {
  @Option(
      names = "--json-schema",
      paramLabel = "SCHEMA",
      description = "JSON that obeys this JSON Schema; @FILE reads it from a file.")
  @Nullable String jsonSchema;

  @Option(names = "--json-object", description = "Any JSON object.")
  boolean jsonObject;

  @Option(
      names = "--regex",
      paramLabel = "REGEX",
      description = "Text that as a whole matches this regular expression.")
  @Nullable String regex;

  @Option(
      names = "--grammar",
      paramLabel = "GBNF",
      description = "Text of this grammar in GBNF; @FILE reads it from a file.")
  @Nullable String grammar;

  @Option(names = "--choice", paramLabel = "TEXT", description = "One of the texts given so.")
  List<String> choices = new ArrayList<>();

  /** How many are given. */
  int count() {
    return (jsonSchema == null ? 0 : 1)
        + (jsonObject ? 1 : 0)
        + (regex == null ? 0 : 1)
        + (grammar == null ? 0 : 1)
        + (choices.isEmpty() ? 0 : 1);
  }
}
