package dev.millrace.grammar.machine;

import dev.millrace.grammar.automaton.ByteAutomaton;
import org.jspecify.annotations.Nullable;

/**
 * Where one way of reading the text stands: in an automaton, over a stack.
 *
 * @param state of the automaton; some byte goes on from it, where the head is a state's
 * @param cell what goes on once the automaton accepts; null if nothing does
 */
record Head(ByteAutomaton automaton, int state, @Nullable Cell cell) {

  /** Whether any byte goes on from here. */
  boolean goesOn() {
    return automaton.goesOn(state);
  }

  /** Whether a member's name is being read, so that not everything that fits may come. */
  boolean readsName() {
    return cell != null && cell.phase == Cell.Phase.NAME;
  }
}
