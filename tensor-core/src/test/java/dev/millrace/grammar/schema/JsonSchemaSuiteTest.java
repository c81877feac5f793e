package dev.millrace.grammar.schema;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.grammar.FormatCompiler;
import dev.millrace.grammar.Sampling;
import dev.millrace.grammar.Vocabularies;
import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.TokenTrie;
import dev.millrace.json.JsonReader;
import dev.millrace.json.JsonValue;
import dev.millrace.tokenizer.Tokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/**
 * The JSON-Schema-Test-Suite (draft 2020-12), which tools/verify fetches: what its schemas allow
 * can be said, what they forbid can't, and what is drawn at random is valid by Python's jsonschema.
 *
 * <p>With -Dsamples=1000 it draws so many for each schema.
 */
class JsonSchemaSuiteTest {
  private static final Path SUITE =
      Path.of(System.getenv().getOrDefault("MILLRACE_JSON_SCHEMA_SUITE", "../target/json-schema"))
          .resolve("tests/draft2020-12");
  private static final int SAMPLES = Integer.getInteger("samples", 5);

  /** Of an output, and so of its depth. */
  private static final int MOST_TOKENS = 400;

  /** Has formats that aren't to be checked; we check those that we know. */
  private static final String NOT_OURS = "format.json";

  private final Random random = new Random(7);
  private final Tokenizer tokenizer = Vocabularies.random(random, 300);
  private final FormatCompiler compiler = new FormatCompiler(() -> TokenTrie.of(tokenizer));

  /**
   * @param where file and description
   * @param tests instances, and whether they are valid
   */
  private record Group(String where, String schema, List<Map<String, JsonValue>> tests) {
    private static Map<String, JsonValue> members(JsonValue value) {
      return ((JsonValue.Members) value).members();
    }

    static Group of(Path file, JsonValue group) {
      Map<String, JsonValue> members = members(group);
      return new Group(
          file.getFileName() + ": " + members.get("description").toJson(),
          members.get("schema").toJson(),
          ((JsonValue.Array) members.get("tests")).items().stream().map(Group::members).toList());
    }
  }

  private static List<Group> groups() throws IOException {
    assumeTrue(Files.isDirectory(SUITE), "SKIPPED: there is no JSON-Schema-Test-Suite in " + SUITE);
    List<Group> groups = new ArrayList<>();
    try (Stream<Path> files = Files.list(SUITE)) {
      for (Path file : files.filter(each -> each.toString().endsWith(".json")).sorted().toList()) {
        if (!file.endsWith(NOT_OURS)) {
          JsonValue.Array array = (JsonValue.Array) JsonReader.read(Files.readString(file));
          array.items().forEach(group -> groups.add(Group.of(file, group)));
        }
      }
    }
    return groups;
  }

  @Test
  void allThatIsValidCanBeSaidAndNothingElse() throws IOException {
    List<String> wrong = new ArrayList<>();
    int compiled = 0;
    int refused = 0;
    for (Group group : groups()) {
      Optional<CompiledFormat> format = compile(group);
      compiled += format.isPresent() ? 1 : 0;
      refused += format.isPresent() ? 0 : 1;
      for (Map<String, JsonValue> test : group.tests) {
        boolean valid = test.get("valid").equals(new JsonValue.Bool(true));
        for (int order = 0; order < 3 && format.isPresent(); order++) {
          String text = shuffled(test.get("data")).toJson();
          if (Sampling.accepts(format.get(), text) != valid) {
            wrong.add(group + (valid ? " forbids " : " allows ") + text);
          }
        }
      }
    }
    System.out.printf("JSON-Schema-Test-Suite: %d schemas, %d refused%n", compiled, refused);
    assertThat(wrong).isEmpty();
    assertThat(compiled).isGreaterThan(180);
  }

  /** Nothing if it is refused, or allows nothing: then its tests must say so too. */
  private Optional<CompiledFormat> compile(Group group) {
    try {
      return Optional.of(compiler.jsonSchema(group.schema));
    } catch (FormatException e) {
      if ("no text obeys it".equals(e.getMessage())) {
        assertThat(group.tests)
            .as(group.where)
            .allMatch(test -> test.get("valid").equals(new JsonValue.Bool(false)));
      }
      return Optional.empty();
    }
  }

  @Test
  void whatIsDrawnIsValidByAnotherImplementation() throws Exception {
    String python = System.getenv("MILLRACE_PYTHON");
    assumeTrue(python != null, "SKIPPED: MILLRACE_PYTHON names no Python with jsonschema");
    Path drawn = Files.createTempFile("drawn", ".jsonl");
    int schemas = 0;
    Set<String> lines = new LinkedHashSet<>(); // some schemas allow a few values only
    for (Group group : groups()) {
      Optional<CompiledFormat> format = compile(group);
      if (format.isPresent()) {
        schemas++;
        draw(format.get(), group).forEach(text -> lines.add("[" + group.schema + "," + text + "]"));
      }
    }
    Files.write(drawn, lines);
    System.out.printf("Drawn at random: %d values of each of %d schemas%n", SAMPLES, schemas);
    Process validator =
        new ProcessBuilder(python, "../tools/validate_samples.py", drawn.toString())
            .redirectErrorStream(true)
            .start();
    String said = new String(validator.getInputStream().readAllBytes(), UTF_8);
    System.out.print("Of those that differ: " + said);
    assertThat(validator.waitFor()).as(said).isZero();
    assertThat(lines).hasSizeGreaterThan(50 * SAMPLES);
    Files.delete(drawn);
  }

  /** So many outputs that end; those of recursive schemas don't always. */
  private List<String> draw(CompiledFormat format, Group group) {
    List<String> texts = new ArrayList<>();
    List<String> names = new ArrayList<>();
    addNames(JsonReader.read(group.schema), names);
    for (int attempts = 0; texts.size() < SAMPLES; attempts++) {
      assertThat(attempts).as(group.where).isLessThan(100 + 4 * SAMPLES);
      Sampling.sample(format, tokenizer, names, random, MOST_TOKENS).ifPresent(texts::add);
    }
    return texts;
  }

  /** All names and texts in a schema, as members' names are written. */
  private static void addNames(JsonValue value, List<String> names) {
    switch (value) {
      case JsonValue.Array array -> array.items().forEach(each -> addNames(each, names));
      case JsonValue.Members object ->
          object
              .members()
              .forEach(
                  (name, each) -> {
                    addNames(new JsonValue.Text(name), names);
                    addNames(each, names);
                  });
      case JsonValue.Text text -> names.add(text.toJson() + ":");
      case JsonValue.Null _, JsonValue.Bool _, JsonValue.Decimal _ -> {}
    }
  }

  private JsonValue shuffled(JsonValue value) {
    return switch (value) {
      case JsonValue.Array array ->
          new JsonValue.Array(array.items().stream().map(this::shuffled).toList());
      case JsonValue.Members object -> {
        List<String> names = new ArrayList<>(object.members().keySet());
        Collections.shuffle(names, random);
        LinkedHashMap<String, JsonValue> members = new LinkedHashMap<>();
        names.forEach(name -> members.put(name, shuffled(object.members().get(name))));
        yield new JsonValue.Members(members);
      }
      case JsonValue.Null _, JsonValue.Bool _, JsonValue.Text _, JsonValue.Decimal _ -> value;
    };
  }
}
