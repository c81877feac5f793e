package dev.millrace.grammar;

import dev.millrace.gguf.GgufFile;
import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.Constraint;
import dev.millrace.grammar.machine.TokenTrie;
import dev.millrace.model.ModelFile;
import dev.millrace.tokenizer.Tokenizer;
import dev.millrace.tokenizer.Tokenizers;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/**
 * What masks cost, by a real vocabulary: {@code MaskBenchmark MODEL.gguf}. Each format is compiled
 * anew and followed along a text as the tokenizer cuts it, three times: first, when all has yet to
 * be worked out, by a second sequence that does the same, and by a new text of the same format.
 * Each is done for a fresh format several times; medians, in microseconds a token.
 */
public final class MaskBenchmark {
  private static final int ROUNDS = 15;

  private static final String PERSON =
      """
      {"type": "object", "properties": {"name": {"type": "string"}, "age": {"type": "integer",
       "minimum": 0, "maximum": 150}, "email": {"type": "string", "format": "email"}, "tags":
       {"type": "array", "items": {"type": "string"}}, "address": {"type": "object", "properties":
       {"street": {"type": "string"}, "city": {"type": "string", "maxLength": 80}, "zip":
       {"type": "string", "pattern": "^[0-9]{5}$"}}, "required": ["street", "city"],
       "additionalProperties": false}}, "required": ["name", "age", "address"]%s}
      """;

  private static final String ANNE =
      "{\"name\": \"Anne Example-Smith\", \"age\": 47, \"email\": \"anne@example.org\", \"tags\":"
          + " [\"reader\", \"of long books\"], \"address\": {\"street\": \"12 Main Street, rear"
          + " building\", \"city\": \"Springfield upon the Hill\", \"zip\": \"12345\"}}";
  private static final String BOB =
      "{\"age\":9,\"name\":\"Bob\",\"address\":{\"city\":\"Zürich\",\"street\":\"Am Platz 3\"},"
          + "\"tags\":[\"swims\",\"sings\",\"has a dog called \\\"Rex\\\"\"]}";
  private static final String JSON_GRAMMAR =
      """
      root ::= object
      value ::= object | array | string | number | "true" | "false" | "null"
      object ::= "{" ws (string ":" ws value ("," ws string ":" ws value)*)? "}"
      array ::= "[" ws (value ("," ws value)*)? "]"
      string ::= "\\"" ([^"\\\\\\x00-\\x1f] | "\\\\" ["\\\\/bfnrt])* "\\""
      number ::= "-"? ("0" | [1-9] [0-9]*) ("." [0-9]+)?
      ws ::= " "?
      """;

  private record Case(
      String name, Function<FormatCompiler, CompiledFormat> format, String text, String other) {}

  private static final List<Case> CASES =
      List.of(
          new Case("schema, open", c -> c.jsonSchema(PERSON.formatted("")), ANNE, BOB),
          new Case(
              "schema, closed",
              c -> c.jsonSchema(PERSON.formatted(", \"additionalProperties\": false")),
              ANNE,
              BOB),
          new Case("any object", FormatCompiler::jsonObject, ANNE, BOB),
          new Case("JSON in GBNF", c -> c.grammar(JSON_GRAMMAR), ANNE, BOB),
          new Case(
              "regex",
              c -> c.regex("([A-Z][a-z]+ ?){1,8}: [0-9]{1,6}(\\.[0-9]+)? (kg|m|s)"),
              "Weight Of The Crate: 12.75 kg",
              "Length: 3 m"));

  private MaskBenchmark() {}

  /** Model file. */
  public static void main(String[] arguments) throws Exception {
    try (ModelFile file = GgufFile.open(Path.of(arguments[0]))) {
      Tokenizer tokenizer = Tokenizers.from(file.metadata());
      long begun = System.nanoTime();
      TokenTrie trie = TokenTrie.of(tokenizer);
      System.out.printf(
          Locale.ROOT,
          "%d tokens, trie in %.0f ms%n",
          trie.vocabularySize(),
          (System.nanoTime() - begun) / 1e6);
      System.out.println("format          compile ms   first us  again us  other us   worst us");
      for (Case each : CASES) {
        measure(each, tokenizer, trie);
      }
    }
  }

  private static void measure(Case each, Tokenizer tokenizer, TokenTrie trie) {
    int[] ids = tokenizer.encode(each.text, false, false);
    int[] others = tokenizer.encode(each.other, false, false);
    double[][] figures = new double[ROUNDS][];
    for (int round = 0; round < ROUNDS; round++) {
      long begun = System.nanoTime();
      CompiledFormat format = each.format.apply(new FormatCompiler(() -> trie));
      double compile = (System.nanoTime() - begun) / 1e6;
      double[] worst = new double[1];
      double first = follow(format, ids, worst);
      double again = follow(format, ids, new double[1]);
      double other = follow(format, others, worst);
      figures[round] = new double[] {compile, first, again, other, worst[0]};
    }
    System.out.printf(
        Locale.ROOT,
        "%-15s %10.1f %10.1f %9.2f %9.1f %10.0f%n",
        each.name,
        median(figures, 0),
        median(figures, 1),
        median(figures, 2),
        median(figures, 3),
        median(figures, 4));
  }

  /** Microseconds for each token, and the most that one took. */
  private static double follow(CompiledFormat format, int[] ids, double[] worst) {
    Constraint constraint = format.begin(new int[0]);
    long sum = 0;
    for (int id : ids) {
      long begun = System.nanoTime();
      long[] allowed = constraint.allowed();
      constraint.accept(id);
      long took = System.nanoTime() - begun;
      if ((allowed[id >> 6] >>> id & 1) == 0) {
        throw new IllegalStateException("token " + id + " isn't allowed, but accepted");
      }
      sum += took;
      worst[0] = Math.max(worst[0], took / 1e3);
    }
    return sum / 1e3 / ids.length;
  }

  private static double median(double[][] figures, int column) {
    return Arrays.stream(figures).mapToDouble(row -> row[column]).sorted().toArray()[ROUNDS / 2];
  }
}
