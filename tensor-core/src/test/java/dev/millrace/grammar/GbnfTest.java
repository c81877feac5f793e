package dev.millrace.grammar;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

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
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class GbnfTest {
  /** Made by tools/grammar_cases.py from llama.cpp's own test. */
  private static final Path CASES = Path.of("../target/grammar-cases.json");

  private static final String ARITHMETIC =
      """
      # sums of products
      root ::= sum "="
      sum  ::= product ([-+] product)*   # any number of them
      product ::= atom ( "*"
          atom )*
      atom ::= [0-9]{1,3} | "(" sum ")"
      """;

  private final Tokenizer tokenizer = Vocabularies.random(new Random(3), 300);
  private final FormatCompiler compiler = new FormatCompiler(() -> TokenTrie.of(tokenizer));

  @Test
  void followsRulesThatComeBackToThemselves() {
    CompiledFormat format = compiler.grammar(ARITHMETIC);

    assertThat(List.of("1=", "1+2*3=", "((7))*(1-23)=", "(((((((((1)))))))))="))
        .allMatch(text -> Sampling.accepts(format, text));
    assertThat(List.of("", "1", "=", "1+=", "(1=", "1)=", "1234=", "1 =", "()="))
        .noneMatch(text -> Sampling.accepts(format, text));
  }

  @Test
  void whatIsDrawnCanBeSaidByteByByte() {
    CompiledFormat format = compiler.grammar(ARITHMETIC);
    Random random = new Random(4);
    for (int i = 0; i < 200; i++) {
      Sampling.sample(format, tokenizer, List.of(), random, 100)
          .ifPresent(text -> assertThat(Sampling.accepts(format, text)).as(text).isTrue());
    }
  }

  @Test
  void agreesWithLlamaCppOnItsOwnCases() throws IOException {
    assumeTrue(Files.exists(CASES), "SKIPPED: tools/grammar_cases.py hasn't written " + CASES);
    JsonValue.Array cases = (JsonValue.Array) JsonReader.read(Files.readString(CASES));
    List<String> wrong = new ArrayList<>();
    for (JsonValue each : cases.items()) {
      Map<String, JsonValue> members = ((JsonValue.Members) each).members();
      CompiledFormat format = compiler.grammar(text(members.get("grammar")));
      for (String list : List.of("passing", "failing")) {
        for (JsonValue text : ((JsonValue.Array) members.get(list)).items()) {
          if (Sampling.accepts(format, text(text)) != list.equals("passing")) {
            wrong.add(members.get("name").toJson() + ", " + list + ": " + text.toJson());
          }
        }
      }
    }
    assertThat(cases.items()).hasSizeGreaterThan(10);
    assertThat(wrong).isEmpty();
  }

  private static String text(JsonValue value) {
    return ((JsonValue.Text) value).value();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "root ::= a",
        "start ::= \"a\"",
        "root ::= root \"a\" | \"b\"",
        "root ::= x \"a\"\nx ::= y\ny ::= \"c\"? x",
        "root ::= (\"a\"",
        "root ::= \"a",
        "root ::= [a",
        "root ::= \"a\"{3,1}",
        "root ::= \"a\" )",
        "root = \"a\"",
        "root ::= \"a\"\nroot ::= \"b\"",
        "root ::= <think> \"a\"",
        "root ::= \"\\q\"",
        "root ::= \"a\" root",
        "",
        "root ::= (\"(\" root? \")\" | \"\"){1,100000}"
      })
  void whatCanNotBeFollowedIsRefused(String grammar) {
    assertThatThrownBy(() -> compiler.grammar(grammar)).isInstanceOf(FormatException.class);
  }

  @Test
  void manyRulesThatDoubleEachOtherTakeNoTime() {
    StringBuilder grammar = new StringBuilder("root ::= a0\n");
    for (int i = 0; i < 12; i++) {
      grammar.append("a%d ::= a%d a%d | \"x\"\n".formatted(i, i + 1, i + 1));
    }
    CompiledFormat format = compiler.grammar(grammar + "a12 ::= \"y\"\n");

    assertThat(Sampling.accepts(format, "xx")).isTrue();
    assertThat(Sampling.accepts(format, "xz")).isFalse();
  }

  @Test
  void deepAndLongGrammarsAreFollowedOrRefusedButNothingElse() {
    StringBuilder chain = new StringBuilder();
    for (int i = 0; i < 2_000; i++) {
      chain.append("%s ::= r%d\n".formatted(i == 0 ? "root" : "r" + i, i + 1));
    }
    assertThat(Sampling.accepts(compiler.grammar(chain + "r2000 ::= \"x\""), "x")).isTrue();
    assertThatThrownBy(() -> compiler.grammar("root ::= \"a\"" + "*".repeat(100_000)))
        .isInstanceOf(FormatException.class);
    assertThatThrownBy(() -> compiler.grammar("root ::= " + "(".repeat(100_000)))
        .isInstanceOf(FormatException.class);
  }

  @Test
  void garbageIsRefusedAndNothingElseHappens() {
    String[] pieces = {
      "root",
      "::=",
      "a",
      "b",
      "\"x\"",
      "[a-c]",
      "[^",
      "]",
      "(",
      ")",
      "|",
      "*",
      "{2,3}",
      "\n",
      "?",
      " ",
      "#",
      "root ::= ",
      "a ::= ",
      "\\",
      "."
    };
    Random random = new Random(19);
    int compiled = 0;
    for (int i = 0; i < 5_000; i++) {
      StringBuilder grammar = new StringBuilder("root ::= ");
      for (int length = random.nextInt(12); length > 0; length--) {
        grammar.append(pieces[random.nextInt(pieces.length)]);
      }
      try {
        CompiledFormat format = compiler.grammar(grammar.toString());
        assertThat(Sampling.ids(format.begin(new int[0]).allowed())).isNotNull();
        compiled++;
      } catch (FormatException e) {
        assertThat(e).message().isNotEmpty();
      }
    }
    assertThat(compiled).isPositive();
  }
}
