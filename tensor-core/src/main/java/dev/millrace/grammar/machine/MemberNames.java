package dev.millrace.grammar.machine;

import dev.millrace.grammar.automaton.Automaton;
import dev.millrace.grammar.automaton.Budget;
import dev.millrace.grammar.automaton.ByteAutomaton;
import dev.millrace.grammar.automaton.TableAutomaton;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;

/**
 * The names that an object's members may have. Each of the single ones has a label of its own;
 * behind these come the labels of open sets of names.
 */
public final class MemberNames {
  private static final int INFINITE = Integer.MAX_VALUE;

  /** Names where they are read: as the first, or behind a comma. */
  private record Table(TableAutomaton automaton, List<BitSet> labels) {
    Table(TableAutomaton automaton) {
      this(automaton, automaton.reachableLabels());
    }
  }

  private final Table first;
  private final Table later;
  private final int single;
  private final BitSet required;

  /**
   * @param names all that are possible, by label
   * @param single labels below this are of one name each
   * @param required labels of single names without which the object isn't complete
   */
  public MemberNames(Automaton names, int single, BitSet required, Budget budget) {
    this(
        TableAutomaton.ofJsonNames(names, false, budget),
        TableAutomaton.ofJsonNames(names, true, budget),
        single,
        required,
        budget);
  }

  /** Values instead of names, each one text: for arrays in which none may be there twice. */
  public static MemberNames ofValues(List<String> values, Budget budget) {
    Automaton texts = Automaton.ofTexts(values, budget);
    return new MemberNames(
        TableAutomaton.ofText(texts, budget),
        TableAutomaton.ofTextBehindComma(texts, budget),
        values.size(),
        new BitSet(),
        budget);
  }

  private MemberNames(
      TableAutomaton first, TableAutomaton later, int single, BitSet required, Budget budget) {
    budget.spend((long) (first.size() + later.size()) * single / Long.SIZE); // sets of labels
    this.first = new Table(first);
    this.later = new Table(later);
    this.single = single;
    this.required = (BitSet) required.clone();
  }

  TableAutomaton first() {
    return first.automaton;
  }

  TableAutomaton later() {
    return later.automaton;
  }

  boolean isSingle(int label) {
    return label < single;
  }

  int single() {
    return single;
  }

  /** Not to be changed. */
  BitSet required() {
    return required;
  }

  /** Labels of names that can still be reached; not to be changed. */
  BitSet reachable(ByteAutomaton automaton, int state) {
    return (automaton == first.automaton ? first : later).labels.get(state);
  }

  /**
   * How many names of open sets can still be reached, by state.
   *
   * @param possible the sets that count
   */
  int[] countOpen(TableAutomaton automaton, BitSet possible) {
    int size = automaton.size();
    List<List<Integer>> before = new ArrayList<>();
    int[] unknown = new int[size]; // bytes behind which the count isn't known yet
    int[] counts = new int[size];
    BitSet ready = new BitSet();
    for (int state = 0; state < size; state++) {
      before.add(new ArrayList<>());
    }
    for (int state = 0; state < size; state++) {
      int label = automaton.label(state);
      if (label != ByteAutomaton.NONE) {
        counts[state] = !isSingle(label) && possible.get(label) ? 1 : 0;
      } else {
        for (int next = 0; next < 256; next++) {
          int to = automaton.next(state, next);
          if (to != ByteAutomaton.NONE) {
            before.get(to).add(state);
            unknown[state]++;
          }
        }
      }
      ready.set(state, unknown[state] == 0);
    }
    while (!ready.isEmpty()) {
      int state = ready.nextSetBit(0);
      ready.clear(state);
      for (int earlier : before.get(state)) {
        counts[earlier] = (int) Math.min(INFINITE - 1L, (long) counts[earlier] + counts[state]);
        if (--unknown[earlier] == 0) {
          ready.set(earlier);
        }
      }
    }
    for (int state = 0; state < size; state++) { // on a circle, or before one
      if (unknown[state] > 0 && leadsToOpen(automaton, state, possible)) {
        counts[state] = INFINITE;
      }
    }
    return counts;
  }

  private boolean leadsToOpen(TableAutomaton automaton, int state, BitSet possible) {
    BitSet open = (BitSet) reachable(automaton, state).clone();
    open.and(possible);
    return open.length() > single;
  }
}
