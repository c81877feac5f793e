package dev.millrace.grammar.machine;

import dev.millrace.grammar.automaton.ByteAutomaton;
import dev.millrace.grammar.automaton.TableAutomaton;
import dev.millrace.grammar.machine.Node.MemberSet;
import java.util.BitSet;
import java.util.Objects;

/**
 * Which names an object's next member may have: none that is used, and so that what is required
 * still fits in.
 *
 * @param labels that may come
 */
record NameChoice(MemberSet members, TableAutomaton automaton, BitSet labels) {

  /**
   * @param cell of a MemberSet
   * @param automaton of the set's names, first or later ones
   */
  static NameChoice of(Cell cell, ByteAutomaton automaton) {
    MemberSet members = (MemberSet) cell.node;
    BitSet missing = (BitSet) members.names.required().clone();
    missing.andNot(cell.used);
    BitSet labels = missing;
    if (members.most == Integer.MAX_VALUE || cell.count + missing.cardinality() < members.most) {
      labels = (BitSet) members.possible().clone();
      labels.andNot(cell.used);
    }
    return new NameChoice(members, (TableAutomaton) automaton, labels);
  }

  static NameChoice of(Head head) {
    return of(Objects.requireNonNull(head.cell()), head.automaton());
  }

  /** Whether a name may be the next, where its end is reached. */
  boolean allows(int label) {
    return label != ByteAutomaton.NONE && labels.get(label);
  }

  /** Whether any name at all may still come from a state. */
  boolean canGoOn(int state) {
    return members.names.reachable(automaton, state).intersects(labels);
  }

  /**
   * The same where the open sets' used names are told.
   *
   * @param text read up to the state
   */
  boolean canGoOn(int state, NameText text) {
    BitSet reachable = (BitSet) members.names.reachable(automaton, state).clone();
    reachable.and(labels);
    int single = members.names.single();
    if (reachable.length() > single
        && members.openNames(automaton, state) > text.usedWithThisBegin()) {
      return true;
    }
    int first = reachable.nextSetBit(0);
    return first >= 0 && first < single;
  }

  /** Those that can be reached from a state: what decides which tokens may come. */
  BitSet reachable(int state) {
    BitSet reachable = (BitSet) members.names.reachable(automaton, state).clone();
    reachable.and(labels);
    return reachable;
  }
}
