package dev.millrace.grammar.machine;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.grammar.FormatCompiler;
import dev.millrace.grammar.Sampling;
import dev.millrace.grammar.Vocabularies;
import dev.millrace.grammar.automaton.Budget;
import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.grammar.gbnf.GbnfCompiler;
import dev.millrace.grammar.schema.SchemaCompiler;
import dev.millrace.tokenizer.Tokenizer;
import java.lang.ref.WeakReference;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MaskTest {
  private static final int[] ENDS = {Vocabularies.END};

  @ParameterizedTest
  @ValueSource(
      strings = {"(ab|é)*\"?", "[^a]{1,6}", "\\{(\"[a-z]\": (true|12),? ?)*\\}", "(😀|日本|\\d)+"})
  void aMaskIsWhatEveryTokenSaysByItself(String expression) {
    for (int seed = 0; seed < 10; seed++) {
      Random random = new Random(seed);
      Tokenizer tokenizer = Vocabularies.random(random, 400);
      CompiledFormat format = new FormatCompiler(() -> TokenTrie.of(tokenizer)).regex(expression);
      compareAlong(format, tokenizer, random);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{}",
        "{'type': 'object'}",
        "{'type': 'object', 'properties': {'a': {}, 'ab': {'type': 'number'}}, 'required': ['ab'],"
            + " 'maxProperties': 3, 'minProperties': 2}",
        "{'type': 'object', 'properties': {'foo': {'const': 1}, 'bar': {'type': 'null'}},"
            + " 'additionalProperties': false}",
        "{'type': 'object', 'patternProperties': {'^(a|b|foo)$': true, '^x': false, '^1.*': {}},"
            + " 'additionalProperties': false, 'minProperties': 3}",
        "{'type': 'object', 'patternProperties': {'^[ab]{1,2}$': true}, 'required': ['a'],"
            + " 'additionalProperties': false, 'minProperties': 6}",
        "{'type': 'string', 'minLength': 2, 'maxLength': 7}",
        "{'type': 'string', 'minLength': 60}",
        "{'type': 'array', 'items': {'enum': [1, 12, 121, 'foo', 'fo', true]}, 'uniqueItems': true,"
            + " 'minItems': 3}",
        "{'type': 'array', 'prefixItems': [{'type': 'string'}], 'items': {'type': 'array'},"
            + " 'minItems': 1, 'maxItems': 4}",
        "{'anyOf': [{'type': 'object', 'properties': {'a': {'type': 'null'}}},"
            + " {'type': 'object', 'additionalProperties': {'enum': ['a\\\"b', 'é', 12]}}]}"
      })
  void aSchemasMaskIsWhatEveryTokenSaysByItself(String schema) {
    for (int seed = 0; seed < 8; seed++) {
      Random random = new Random(seed);
      Tokenizer tokenizer = Vocabularies.random(random, 400);
      FormatCompiler compiler = new FormatCompiler(() -> TokenTrie.of(tokenizer));
      compareAlong(compiler.jsonSchema(schema.replace('\'', '"')), tokenizer, random);
    }
  }

  @Test
  void aGrammarsMaskIsWhatEveryTokenSaysByItself() {
    for (int seed = 0; seed < 20; seed++) {
      Random random = new Random(seed);
      Tokenizer tokenizer = Vocabularies.random(random, 400);
      CompiledFormat format =
          new FormatCompiler(() -> TokenTrie.of(tokenizer))
              .grammar(
                  """
                  root ::= value
                  value ::= "[" (value ("," " "? value)*)? "]" | "\\"" [^"]* "\\"" | number | "true"
                  number ::= [0-9]+ ("." [0-9]+)?
                  """);
      compareAlong(format, tokenizer, random);
    }
  }

  /** Each e may be left out: whatever comes in front of them is followed by as many ways. */
  private static String grammarWithOptions(String root, int options, String more) {
    return "root ::= %s\n".formatted(root.formatted("e ".repeat(options)))
        + "e ::= (\"~\" r)?\nr ::= \"(\" r \")\" | \"x\"\n"
        + more;
  }

  private static CompiledFormat compile(String grammar, Tokenizer tokenizer) {
    return new FormatCompiler(() -> TokenTrie.of(tokenizer)).grammar(grammar);
  }

  private static void assertThatAllOfAMaskIsAccepted(Constraint constraint) {
    for (int id : Sampling.ids(constraint.allowed())) {
      assertThat(constraint.allows(id)).as("token %d", id).isTrue();
      constraint.copy().accept(id);
    }
  }

  @Test
  void everyTokenOfAMaskIsAcceptedWhereTwoWaysTogetherAreTooMany() {
    Tokenizer tokenizer = Vocabularies.random(new Random(4), 400);
    String two = "two ::= [a-z] " + "e ".repeat(2_100) + "\none ::= [a-z]+ r\n";
    CompiledFormat format = compile(grammarWithOptions("one | two", 0, two), tokenizer);
    Constraint constraint = format.begin(ENDS);

    for (byte read : "foo(x)".getBytes(US_ASCII)) {
      assertThat(Sampling.ids(constraint.allowed())).contains(read);
      assertThatAllOfAMaskIsAccepted(constraint);
      constraint.accept(read);
    }

    assertThat(constraint.isComplete()).isTrue();
  }

  @Test
  void everyTokenOfAMaskIsAcceptedHoweverManyWaysThereAre() {
    Tokenizer tokenizer =
        Vocabularies.of(
            Stream.of("aa", "aaaa", "afoo", "foob", "fooba", "12", "b1")
                .map(text -> text.getBytes(US_ASCII))
                .toList());
    String twice = "root ::= r | [a-x]+ \"12\"\nr ::= \"a\" r \"b\" | \"a\" r \"ba\" | \"foo\"\n";
    Constraint constraint = compile(twice, tokenizer).begin(ENDS);

    for (int i = 0; i < 12; i++) { // from the 10th on more than 2,000
      if (i > 7) {
        assertThatAllOfAMaskIsAccepted(constraint);
      }
      constraint.accept('a');
    }

    assertThat(Sampling.ids(constraint.allowed())).contains('a', 'f');
  }

  @Test
  void aTokenIsNotAllowedWhereTooManyWaysComeBehindIt() {
    Tokenizer tokenizer = Vocabularies.of(List.of("ab".getBytes(US_ASCII)));
    CompiledFormat format = compile(grammarWithOptions("\"a\" %s | [ab] r", 2_100, ""), tokenizer);
    Constraint constraint = format.begin(ENDS);

    assertThat(Sampling.ids(constraint.allowed())).containsExactly('a', 'b');
    assertThatAllOfAMaskIsAccepted(constraint);
    constraint.accept('a');
    assertThat(Sampling.ids(constraint.allowed())).containsExactly('(', 'x');

    Constraint other =
        compile(grammarWithOptions("\"a\" %s | \"b\"", 2_100, ""), tokenizer).begin(ENDS);
    assertThat(Sampling.ids(other.allowed())).containsExactly('b');
    assertThat(other.allows('a')).isFalse();
  }

  private static States states(String grammar, Tokenizer tokenizer) {
    Node root = GbnfCompiler.compile(grammar, new Budget());
    Productivity.mark(root);
    return new States(root, TokenTrie.of(tokenizer));
  }

  @Test
  void whatComesBehindAnAutomatonIsWorkedOutOnceForAllTokens() {
    Tokenizer tokenizer = Vocabularies.random(new Random(7), 400);
    States states = states(grammarWithOptions("[^~]+ %s", 1_900, ""), tokenizer);
    Work work = new Work(Long.MAX_VALUE);

    long[] mask = states.workOut(states.start(), work);

    assertThat(Sampling.ids(mask)).hasSizeGreaterThan(400);
    assertThat(work.spent()).isLessThan(10_000_000); // once is a million, and there are 500 exits
  }

  @Test
  void aMaskThatTakesTooMuchEndsThereAndAllowsNothing() {
    Tokenizer tokenizer = Vocabularies.random(new Random(8), 400);
    String options = String.join(" | ", Collections.nCopies(1_900, "[ -}]+ r"));
    States states = states(grammarWithOptions(options, 0, ""), tokenizer);
    Work enough = new Work(Long.MAX_VALUE);
    Work little = new Work(100_000);

    assertThat(Sampling.ids(states.workOut(states.start(), enough))).isNotEmpty();
    assertThat(Sampling.ids(states.workOut(states.start(), little))).isEmpty();

    assertThat(enough.spent()).isGreaterThan(1_000_000);
    assertThat(little.spent()).isBetween(100_000L, 150_000L);
    assertThat(states.reachBytes()).isLessThan(2 * States.MAX_REACH_BYTES);
  }

  @Test
  void whatIsKnownAlreadyCountsAsIfItWereNot() {
    Tokenizer tokenizer = Vocabularies.random(new Random(9), 400);
    Node root = SchemaCompiler.anyObject(new Budget());
    Productivity.mark(root);
    States states = new States(root, TokenTrie.of(tokenizer));
    State state = states.behind(states.start(), "{\"foo\": [\"a".getBytes(US_ASCII));
    Work first = new Work(Long.MAX_VALUE);
    Work again = new Work(Long.MAX_VALUE);

    long[] mask = states.workOut(state, first);

    assertThat(states.workOut(state, again)).isEqualTo(mask);
    assertThat(again.spent()).isEqualTo(first.spent()).isPositive();
  }

  @Test
  void whatBeginsInTooManyWaysIsRefused() {
    Tokenizer tokenizer = Vocabularies.of(List.of());

    assertThatThrownBy(() -> compile(grammarWithOptions("%s", 2_100, ""), tokenizer))
        .isInstanceOf(FormatException.class)
        .hasMessageContaining("2000 ways");
  }

  /** Wherever one gets to, something may come, or the text is complete. */
  static void compareAlong(CompiledFormat format, Tokenizer tokenizer, Random random) {
    Constraint constraint = format.begin(ENDS);
    for (int i = 0; i < 30 && !constraint.isComplete(); i++) {
      int[] allowed = Sampling.ids(constraint.allowed());
      assertThat(allowed)
          .containsExactly(
              IntStream.range(0, tokenizer.vocabularySize()).filter(constraint::allows).toArray())
          .isNotEmpty();
      constraint.accept(allowed[random.nextInt(allowed.length)]);
    }
  }

  @Test
  void whatIsForgottenIsGone() {
    Node root = SchemaCompiler.anyObject(new Budget());
    Productivity.mark(root);
    Random random = new Random(3);
    States states = new States(root, TokenTrie.of(Vocabularies.random(random, 50)));
    WeakReference<State> early = new WeakReference<>(states.next(states.start(), '{'));

    for (int output = 1; output < 20_000 && early.get() != null; output++) {
      State at = states.next(states.start(), '{'); // each output has a name of its own
      for (byte read : "\"%040x\"".formatted(random.nextLong()).getBytes(US_ASCII)) {
        at = states.next(at, read);
        assertThat(states.mask(at)).isNotEmpty();
      }
      if (output % 500 == 0) {
        System.gc();
      }
    }

    assertThat(early.get()).as("what is behind the first outputs").isNull();
  }
}
