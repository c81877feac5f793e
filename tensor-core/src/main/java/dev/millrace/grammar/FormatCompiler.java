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
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Compiles formats for one vocabulary. Each takes a bounded time and memory, about a second at
 * worst, so it isn't for threads that others wait for. Those asked for last are kept, with what was
 * found out about them. Thread-safe.
 */
public final class FormatCompiler {
  /** Each takes some 20 megabytes at most, most of them for masks. */
  private static final int MAX_KEPT = 16;

  /** What a format was compiled from. */
  private record Source(Kind kind, Object text) {}

  private enum Kind {
    REGEX,
    CHOICE,
    GRAMMAR,
    SCHEMA,
    OBJECT
  }

  private final Supplier<TokenTrie> vocabulary;
  private @Nullable TokenTrie trie; // made when it is first asked for
  private final Map<Source, CompiledFormat> kept =
      new LinkedHashMap<>(MAX_KEPT, 0.75f, true) {
        private static final long serialVersionUID = 1L;

        @Override
        protected boolean removeEldestEntry(Map.Entry<Source, CompiledFormat> eldest) {
          return size() > MAX_KEPT;
        }
      };

  /**
   * @param vocabulary asked once, with the first format: a trie takes a while, and many servers
   *     never see a format
   */
  public FormatCompiler(Supplier<TokenTrie> vocabulary) {
    this.vocabulary = vocabulary;
  }

  private synchronized TokenTrie trie() {
    if (trie == null) {
      trie = vocabulary.get();
    }
    return trie;
  }

  /**
   * A regular expression that the whole output matches.
   *
   * @throws FormatException if it is none, isn't supported, is too large, or matches nothing
   */
  public CompiledFormat regex(String expression) {
    return compiled(
        new Source(Kind.REGEX, expression),
        budget -> terminal(Automaton.of(RegexParser.parse(expression, budget), budget), budget));
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
    return compiled(
        new Source(Kind.CHOICE, List.copyOf(options)),
        budget -> terminal(Automaton.ofTexts(options, budget), budget));
  }

  /**
   * Values that obey a JSON Schema, in the form that docs/structured-output.md describes.
   *
   * @throws FormatException with a JSON pointer to what is wrong or not supported
   */
  public CompiledFormat jsonSchema(String schema) {
    return compiled(
        new Source(Kind.SCHEMA, schema), budget -> SchemaCompiler.compile(schema, budget));
  }

  /**
   * What a grammar's rule root says.
   *
   * @param gbnf as llama.cpp writes grammars
   * @throws FormatException saying in which line something is wrong
   */
  public CompiledFormat grammar(String gbnf) {
    return compiled(new Source(Kind.GRAMMAR, gbnf), budget -> GbnfCompiler.compile(gbnf, budget));
  }

  /** Any JSON object. */
  public CompiledFormat jsonObject() {
    return compiled(new Source(Kind.OBJECT, ""), SchemaCompiler::anyObject);
  }

  private static Node terminal(Automaton texts, Budget budget) {
    return new Node.Terminal(TableAutomaton.ofText(texts, budget));
  }

  private CompiledFormat compiled(Source source, Function<Budget, Node> compiler) {
    synchronized (kept) {
      CompiledFormat known = kept.get(source);
      if (known != null) {
        return known;
      }
    }
    CompiledFormat format = new CompiledFormat(compiler.apply(new Budget()), trie());
    if (format.isEmpty()) {
      throw new FormatException("", "no text obeys it");
    }
    format.prepare();
    synchronized (kept) {
      kept.put(source, format);
    }
    return format;
  }
}
