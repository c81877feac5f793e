package dev.millrace.grammar;

import dev.millrace.grammar.automaton.Automaton;
import dev.millrace.grammar.automaton.Budget;
import dev.millrace.grammar.automaton.FormatException;
import dev.millrace.grammar.automaton.TableAutomaton;
import dev.millrace.grammar.gbnf.GbnfCompiler;
import dev.millrace.grammar.machine.CompiledFormat;
import dev.millrace.grammar.machine.Node;
import dev.millrace.grammar.machine.TokenTrie;
import dev.millrace.grammar.regex.RegexParser;
import dev.millrace.grammar.schema.SchemaCompiler;
import java.util.List;

/**
 * Compiles formats for one vocabulary. Each takes a bounded time and memory, some tenths of a
 * second at worst, so it isn't for threads that others wait for. Thread-safe.
 */
public final class FormatCompiler {
  private final TokenTrie trie;

  public FormatCompiler(TokenTrie trie) {
    this.trie = trie;
  }

  /**
   * A regular expression that the whole output matches.
   *
   * @throws FormatException if it is none, isn't supported, is too large, or matches nothing
   */
  public CompiledFormat regex(String expression) {
    Budget budget = new Budget();
    Automaton texts = Automaton.of(RegexParser.parse(expression), budget);
    return compiled(terminal(texts, budget));
  }

  /**
   * One of these texts.
   *
   * @throws FormatException if there is none, one is empty, or they are too large
   */
  public CompiledFormat choice(List<String> options) {
    if (options.isEmpty()) {
      throw new FormatException("", "has no options; at least one is needed");
    }
    if (options.contains("")) {
      throw new FormatException("/" + options.indexOf(""), "is empty; an output has some text");
    }
    Budget budget = new Budget();
    return compiled(terminal(Automaton.ofTexts(options, budget), budget));
  }

  /**
   * Values that obey a JSON Schema, in the form that docs/structured-output.md describes.
   *
   * @throws FormatException with a JSON pointer to what is wrong or not supported
   */
  public CompiledFormat jsonSchema(String schema) {
    return compiled(SchemaCompiler.compile(schema, new Budget()));
  }

  /**
   * What a grammar's rule root says.
   *
   * @param gbnf as llama.cpp writes grammars
   * @throws FormatException saying in which line something is wrong
   */
  public CompiledFormat grammar(String gbnf) {
    return compiled(GbnfCompiler.compile(gbnf, new Budget()));
  }

  /** Any JSON object. */
  public CompiledFormat jsonObject() {
    return compiled(SchemaCompiler.anyObject(new Budget()));
  }

  private static Node terminal(Automaton texts, Budget budget) {
    return new Node.Terminal(TableAutomaton.ofText(texts, budget));
  }

  private CompiledFormat compiled(Node root) {
    CompiledFormat format = new CompiledFormat(root, trie);
    if (format.isEmpty()) {
      throw new FormatException("", "no text obeys it");
    }
    return format;
  }
}
