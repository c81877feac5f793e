package dev.millrace.grammar.gbnf;

import dev.millrace.grammar.automaton.CodePoints;
import java.util.List;

/** The right side of a rule, or a part of one. */
sealed interface Expression {
  /** One character. */
  record Match(CodePoints characters) implements Expression {}

  /** What another rule says. */
  record Call(String rule) implements Expression {}

  record Sequence(List<Expression> parts) implements Expression {}

  record Either(List<Expression> options) implements Expression {}

  /**
   * @param most {@link Integer#MAX_VALUE} is no limit
   */
  record Repeat(Expression repeated, int least, int most) implements Expression {}

  /** What it consists of. */
  default List<Expression> children() {
    return switch (this) {
      case Match _, Call _ -> List.of();
      case Sequence sequence -> sequence.parts();
      case Either either -> either.options();
      case Repeat repeat -> List.of(repeat.repeated());
    };
  }
}
