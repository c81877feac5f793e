package dev.millrace.grammar.schema;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import com.sun.management.ThreadMXBean;
import dev.millrace.grammar.FormatCompiler;
import dev.millrace.grammar.Sampling;
import dev.millrace.grammar.Vocabularies;
import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.TokenTrie;
import dev.millrace.tokenizer.Tokenizer;
import java.lang.management.ManagementFactory;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SchemaCompilerTest {
  private final Tokenizer tokenizer = Vocabularies.random(new Random(6), 200);
  private final FormatCompiler compiler = new FormatCompiler(() -> TokenTrie.of(tokenizer));

  /** With single quotes for double ones. */
  private CompiledFormat compile(String schema) {
    return compiler.jsonSchema(schema.replace('\'', '"'));
  }

  private boolean allows(String schema, String text) {
    return Sampling.accepts(compile(schema), text.replace('\'', '"'));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{'contains': {}} | /contains",
        "{'properties': {'a': {'uniqueItems': true}}} | /properties/a/uniqueItems",
        "{'anyOf': [{}, {'requierd': []}]} | /anyOf/1/requierd",
        "{'type': 'text'} | /type",
        "{'multipleOf': 0.1} | /multipleOf",
        "{'pattern': '(?=a)'} | /pattern",
        "{'format': 'phone'} | /format",
        "{'$ref': 'other.json'} | /$ref",
        "{'$ref': '#/$defs/none'} | /$ref",
        "{'items': [{}]} | /items",
        "{'minLength': -1} | /minLength",
        "{'properties': 3} | /properties",
        "{'properties': {'a': 3}} | /properties/a",
        "{'not': {'items': {}}} | /not/items",
        "{'not': {'properties': {'a': {'items': {}}}}} | /not"
      })
  void whatIsWrongOrNotSupportedIsToldWithItsPlace(String schema, String place) {
    FormatException refused =
        catchThrowableOfType(FormatException.class, () -> compile(schema.strip()));

    assertThat(refused.where()).isEqualTo(place);
  }

  @Test
  void aLongNameInAReferenceIsRefusedBeforeItIsCopied() {
    String name = "n".repeat(60_000);
    String branches = String.join(",", Collections.nCopies(47_000, "{}"));
    String anchors =
        IntStream.range(0, 10_000)
            .mapToObj(i -> "{'$anchor':'a%d'}".formatted(i))
            .collect(Collectors.joining(","));
    for (String branch : List.of(branches, anchors)) {
      String schema =
          "{'$ref':'#/$defs/%s','$defs':{'%s':{'anyOf':[%s]}}}".formatted(name, name, branch);
      long before = allocatedBytes();

      FormatException refused = catchThrowableOfType(FormatException.class, () -> compile(schema));

      assertThat(refused.where()).hasSizeLessThan(200).startsWith("/$defs/nnn");
      assertThat(refused).hasMessageContaining("4096 characters");
      assertThat(allocatedBytes() - before).isLessThan(100_000_000);
    }
  }

  private static long allocatedBytes() {
    return ((ThreadMXBean) ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
  }

  @Test
  void aLongNameInAValueIsNoSchemas() {
    String name = "n".repeat(10_000);

    assertThat(allows("{'const': {'%s': 1}}".formatted(name), "{'%s': 1}".formatted(name)))
        .isTrue();
  }

  @Test
  void membersComeInAnyOrderButNoneTwice() {
    String schema = "{'type': 'object', 'properties': {'a': {'type': 'integer'}}}";

    assertThat(allows(schema, "{'b':[],'a':1,'c':{}}")).isTrue();
    assertThat(allows(schema, "{'a': 1, 'b': 2}")).isTrue();
    assertThat(allows(schema, "{'a':1,'a':2}")).isFalse();
    assertThat(allows(schema, "{'b':1,'bc':2,'b':3}")).isFalse();
    assertThat(allows(schema, "{'\\u0061':1}")).isFalse(); // names have one spelling
  }

  @Test
  void spaceStandsBehindColonsAndCommasOnly() {
    assertThat(allows("true", "{'a': [1, 2], 'b':3}")).isTrue();
    for (String text : List.of(" 1", "1 ", "[ 1]", "[1 ]", "[1,  2]", "{ 'a':1}", "{'a' :1}")) {
      assertThat(allows("true", text)).as(text).isFalse();
    }
  }

  @Test
  void stringsAreSpelledInAllWaysOfJson() {
    String schema = "{'type': 'string', 'maxLength': 1, 'pattern': '^[é/😀\\\\n]$'}";

    for (String text :
        List.of(
            "'é'", "'\\u00e9'", "'\\u00E9'", "'/'", "'\\/'", "'😀'", "'\\ud83d\\ude00'", "'\\n'")) {
      assertThat(allows(schema, text)).as(text).isTrue();
    }
    for (String text : List.of("'\\ud83d'", "'\n'", "'e'", "''", "'éé'", "'\\u00e'")) {
      assertThat(allows(schema, text)).as(text).isFalse();
    }
  }

  @Test
  void aRecursiveSchemaNestsAsDeepAsOneLikes() {
    String tree =
        "{'type': 'object', 'properties': {'left': {'$ref': '#'}, 'right': {'$ref': '#'}},"
            + " 'additionalProperties': false}";

    assertThat(allows(tree, "{'left':{'right':{'left':{}}},'right':{}}")).isTrue();
    assertThat(allows(tree, "{'left':{'right':{'down':{}}}}")).isFalse();
    assertThat(allows("true", "[".repeat(5_000) + "]".repeat(5_000))).isTrue();
  }

  @Test
  void oneOfIsExactAlsoWhereItsBranchesOverlap() {
    String schema =
        "{'oneOf': [{'type': 'integer', 'minimum': 3}, {'type': 'integer', 'maximum': 9}]}";

    assertThat(IntStream.range(0, 13).filter(i -> allows(schema, "" + i)).boxed())
        .containsExactly(0, 1, 2, 10, 11, 12);
  }

  @Test
  void valuesOutOfAnEnumCanBeDifferentFromEachOther() {
    String schema =
        "{'type': 'array', 'items': {'enum': [1, 12, 'a', null]}, 'uniqueItems': true, 'minItems':"
            + " 1}";

    for (String text : List.of("[1]", "[12,1]", "[1, 12]", "['a',null,1, 12]")) {
      assertThat(allows(schema, text)).as(text).isTrue();
    }
    for (String text : List.of("[]", "[1,1]", "[12,'a',12]", "[1,12,1]", "[,1]", "[1,]", "[2]")) {
      assertThat(allows(schema, text)).as(text).isFalse();
    }
  }

  @Test
  void aMemberThatCanNotBeIsNeverBegun() {
    String schema =
        "{'type': 'object', 'properties': {'a': {'$ref': '#/$defs/endless'}}, '$defs': {'endless':"
            + " {'type': 'array', 'minItems': 1, 'items': {'$ref': '#/$defs/endless'}}}}";

    assertThat(allows(schema, "{'b':1}")).isTrue();
    assertThat(compile(schema).begin(new int[0]).allows('{')).isTrue();
    assertThat(allows(schema, "{'a':[]}")).isFalse();
    assertThatThrownBy(
            () -> compile("{'type': 'object', 'required': ['a'], 'properties': {'a': false}}"))
        .hasMessage("no text obeys it");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{'type': 'string', 'pattern': '^(a|b){1,5000}$', 'maxLength': 9000}",
        "{'type': 'string', 'pattern': '(a|b)*a(a|b){30}'}",
        "{'type': 'integer', 'multipleOf': 9999, 'minimum': 12345678901234567890}",
        "{'allOf': [{'anyOf': [{}, {}, {}, {}]}, {'anyOf': [{}, {}, {}, {}]}, {'anyOf': [{}, {},"
            + " {}, {}]}, {'anyOf': [{}, {}, {}, {}]}, {'anyOf': [{}, {}, {}, {}]}, {'anyOf': [{},"
            + " {}, {}, {}]}]}",
        "{'type': 'array', 'minItems': 1000000000}",
        "{'type': 'string', 'minLength': 1000000, 'maxLength': 2000000}",
        "{'type': 'array', 'items': {'$ref': '#'}, 'minItems': 2}"
      })
  void whateverASchemaAsksItIsCompiledOrRefusedSoon(String schema) {
    long begun = System.nanoTime();
    try {
      compile(schema);
    } catch (FormatException e) {
      assertThat(e).message().isNotEmpty();
    }
    assertThat(System.nanoTime() - begun).isLessThan(10_000_000_000L);
  }

  @Test
  void hugeEnumsAndManyMembersAreCompiledOrRefusedSoon() {
    String texts =
        IntStream.range(0, 5_000)
            .mapToObj(i -> "'value " + i + "'")
            .collect(Collectors.joining(","));
    assertThat(allows("{'enum': [" + texts + "]}", "'value 4999'")).isTrue();

    String members =
        IntStream.range(0, 300).mapToObj(i -> "'m" + i + "': {}").collect(Collectors.joining(","));
    assertThat(allows("{'type': 'object', 'properties': {" + members + "}}", "{'m7':1,'m299':2}"))
        .isTrue();
  }

  @Test
  void garbageIsRefusedAndNothingElseHappens() {
    List<String> pieces =
        List.of(
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "'type'",
            "'object'",
            "'properties'",
            "'anyOf'",
            "'not'",
            "'$ref'",
            "'#'",
            "'items'",
            "'enum'",
            "1",
            "-0.5e3",
            "true",
            "null",
            "'pattern'",
            "'^a*$'",
            "'required'",
            "'oneOf'",
            "'minLength'",
            "'if'",
            "'then'",
            "'patternProperties'");
    Random random = new Random(17);
    int compiled = 0;
    for (int i = 0; i < 5_000; i++) {
      try {
        compile(value(pieces, random, 0));
        compiled++;
      } catch (FormatException e) {
        assertThat(e).message().isNotEmpty();
      }
    }
    assertThat(compiled).isPositive();
  }

  /** JSON, nearly always; schemas, sometimes. */
  private static String value(List<String> pieces, Random random, int depth) {
    int size = random.nextInt(4);
    return switch (depth > 4 ? 9 : random.nextInt(10)) {
      case 0, 1, 2, 3, 4 ->
          IntStream.range(0, size)
              .mapToObj(i -> any(pieces, random, "'") + ": " + value(pieces, random, depth + 1))
              .collect(Collectors.joining(",", "{", "}"));
      case 5, 6 ->
          IntStream.range(0, size)
              .mapToObj(i -> value(pieces, random, depth + 1))
              .collect(Collectors.joining(",", "[", "]"));
      default -> any(pieces, random, random.nextInt(50) == 0 ? "" : "'");
    };
  }

  private static String any(List<String> pieces, Random random, String prefix) {
    List<String> fitting = pieces.stream().filter(each -> each.startsWith(prefix)).toList();
    return fitting.get(random.nextInt(fitting.size()));
  }
}
