package dev.millrace.template;

import dev.millrace.template.Token.Kind;
import java.util.List;

/** Where a parser stands in a template's tokens, and how deep. */
final class TokenStream {
  /** Nested tags and brackets; each takes some fifteen of the thread's stack frames. */
  private static final int MAX_DEPTH = 100;

  private final List<Token> tokens; // the last one is END
  private int at;
  private int depth;

  TokenStream(List<Token> tokens) {
    this.tokens = tokens;
  }

  Token current() {
    return tokens.get(at);
  }

  Token look() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  int line() {
    return current().line();
  }

  /** The current one, behind which the stream stands then. */
  Token next() {
    Token token = current();
    at = Math.min(at + 1, tokens.size() - 1);
    return token;
  }

  boolean skipOperator(String operator) {
    boolean there = current().isOperator(operator);
    if (there) {
      next();
    }
    return there;
  }

  boolean skipName(String name) {
    boolean there = current().isName(name);
    if (there) {
      next();
    }
    return there;
  }

  Token expect(Kind kind) {
    if (!current().is(kind)) {
      throw unexpected(kind.description);
    }
    return next();
  }

  void expectOperator(String operator) {
    if (!skipOperator(operator)) {
      throw unexpected("'" + operator + "'");
    }
  }

  void expectName(String name) {
    if (!skipName(name)) {
      throw unexpected("'" + name + "'");
    }
  }

  TemplateException unexpected(String wanted) {
    return fail("expected " + wanted + ", found " + current().describe());
  }

  TemplateException fail(String problem) {
    return new TemplateException(line(), problem);
  }

  void enter() {
    if (++depth > MAX_DEPTH) {
      throw fail("nested more than " + MAX_DEPTH + " deep");
    }
  }

  void leave() {
    depth--;
  }
}
