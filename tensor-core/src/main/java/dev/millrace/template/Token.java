package dev.millrace.template;

/**
 * A piece of a template's source.
 *
 * @param text of strings and data: what they stand for; else as written
 */
record Token(Kind kind, String text, int line) {
  enum Kind {
    /** Text outside of tags. */
    DATA("text"),
    BLOCK_BEGIN("'{%'"),
    BLOCK_END("'%}'"),
    VARIABLE_BEGIN("'{{'"),
    VARIABLE_END("'}}'"),
    NAME("a name"),
    STRING("a string"),
    INTEGER("an integer"),
    FLOAT("a number"),
    OPERATOR("an operator"),
    END("the template's end");

    final String description;

    Kind(String description) {
      this.description = description;
    }
  }

  boolean is(Kind asked) {
    return kind == asked;
  }

  boolean isOperator(String operator) {
    return kind == Kind.OPERATOR && text.equals(operator);
  }

  boolean isName(String name) {
    return kind == Kind.NAME && text.equals(name);
  }

  /** For messages. */
  String describe() {
    return switch (kind) {
      case NAME, OPERATOR, INTEGER, FLOAT -> "'" + text + "'";
      default -> kind.description;
    };
  }
}
