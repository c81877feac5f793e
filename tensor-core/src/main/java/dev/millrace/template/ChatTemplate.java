package dev.millrace.template;

import java.time.Clock;
import java.util.BitSet;
import java.util.List;
import java.util.Map;

/** A compiled chat template. Immutable; shared between threads. */
public final class ChatTemplate {
  /** The largest public ones have some 17,000. */
  public static final int MAX_CHARACTERS = 1 << 20;

  private final List<Statement> statements;

  private ChatTemplate(List<Statement> statements) {
    this.statements = statements;
  }

  /**
   * @throws TemplateException naming the line and the construct that is wrong or unsupported
   */
  public static ChatTemplate compile(String source) {
    if (source.length() > MAX_CHARACTERS) {
      throw new TemplateException(
          "the template has %d characters; allowed are %d"
              .formatted(source.length(), MAX_CHARACTERS));
    }
    return new ChatTemplate(Parser.parse(Lexer.tokenize(source)));
  }

  /**
   * @param variables what the template sees, by name
   * @param clock for templates that write the date
   * @throws TemplateException if the template refuses the conversation, fails, or takes too much
   */
  public Rendering render(Map<String, Value> variables, Clock clock) {
    Scope scope = new Scope(Globals.scope(clock));
    variables.forEach(scope::set);
    Text text = new Interpreter(scope).run(statements);
    BitSet byTemplate = new BitSet(text.value().length());
    byTemplate.set(0, text.value().length());
    if (text.byData() != null) {
      byTemplate.andNot(text.byData());
    }
    return new Rendering(text.value(), byTemplate);
  }
}
