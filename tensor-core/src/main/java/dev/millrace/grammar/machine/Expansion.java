package dev.millrace.grammar.machine;

import dev.millrace.grammar.automaton.Automaton;
import dev.millrace.grammar.automaton.Budget;
import dev.millrace.grammar.automaton.ByteAutomaton;
import dev.millrace.grammar.automaton.CodePoints;
import dev.millrace.grammar.automaton.Pattern;
import dev.millrace.grammar.automaton.TableAutomaton;
import dev.millrace.grammar.machine.Cell.Phase;
import dev.millrace.grammar.machine.Node.MemberSet;
import java.util.ArrayDeque;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Works out which heads stand behind a byte: what an automaton that accepts hands on to, down to
 * the next automata, without recursion: a stranger's grammar may be deep.
 */
final class Expansion {
  private static final ByteAutomaton OPEN_BRACE = punctuation("{");
  private static final ByteAutomaton CLOSE_BRACE = punctuation("}");
  private static final ByteAutomaton OPEN_BRACKET = punctuation("[");
  private static final ByteAutomaton CLOSE_BRACKET = punctuation("]");
  private static final ByteAutomaton COMMA = punctuation(",");

  /** To begin a node, or (without one) to go on with a cell. */
  private record Task(@Nullable Node node, @Nullable Cell cell, int label) {}

  /** Parts of a format that one byte may lead through; see {@link States#MAX_HEADS}. */
  private static final int MAX_TASKS = 10_000;

  private final UnaryOperator<Cell> intern;
  private final Deque<Task> tasks = new ArrayDeque<>();
  private final Set<Task> seen = new HashSet<>(); // a circle without bytes adds nothing new
  final Set<Head> heads = new LinkedHashSet<>();
  boolean complete;

  Expansion(UnaryOperator<Cell> intern) {
    this.intern = intern;
  }

  private static ByteAutomaton punctuation(String text) {
    Pattern pattern = Pattern.literal(text);
    if (text.equals(",")) {
      pattern = Pattern.sequence(pattern, new Pattern.OneOf(CodePoints.of(' ')).optional());
    }
    Budget budget = new Budget();
    return TableAutomaton.ofText(Automaton.of(pattern, budget), budget);
  }

  void enter(Node node) {
    add(node, null);
    run();
  }

  /** What comes behind a text that an automaton over the cell has accepted. */
  void resume(@Nullable Cell cell, int label) {
    add(new Task(null, cell, label));
    run();
  }

  /** Once, and none where there are too many: each may bring thousands. */
  private void add(Task task) {
    if (!isTooMuch() && seen.add(task)) {
      tasks.add(task);
    }
  }

  private void run() {
    for (Task task = tasks.poll(); task != null && !isTooMuch(); task = tasks.poll()) {
      if (task.node == null) {
        goOn(task.cell, task.label);
      } else {
        begin(task.node, task.cell);
      }
    }
  }

  /** What it takes, in {@link Work}'s nodes. */
  int nodes() {
    int parts = seen.size() + heads.size();
    return parts == 0 ? 0 : Work.NODES_FOR_A_PART * (1 + parts);
  }

  /** Whether more is to be followed than may be: then what has been found says nothing. */
  boolean isTooMuch() {
    return seen.size() > MAX_TASKS || heads.size() > States.MAX_HEADS;
  }

  private void add(Node node, @Nullable Cell cell) {
    if (node.isProductive()) {
      add(new Task(node, cell, 0));
    }
  }

  private void goOn(@Nullable Cell cell) {
    add(new Task(null, cell, 0));
  }

  private void head(ByteAutomaton automaton, @Nullable Cell cell) {
    heads.add(new Head(automaton, automaton.start(), cell));
  }

  private Cell cell(Node node, Phase phase, int count, @Nullable Cell below) {
    return intern.apply(new Cell(node, phase, count, below));
  }

  private void begin(Node node, @Nullable Cell cell) {
    switch (node) {
      case Node.Rule rule -> add(rule.definition(), cell);
      case Node.Either either -> either.options.forEach(option -> add(option, cell));
      case Node.Terminal terminal -> {
        ByteAutomaton automaton = terminal.automaton;
        if (automaton.goesOn(automaton.start())) {
          head(automaton, cell);
        }
        if (automaton.label(automaton.start()) >= 0) {
          goOn(cell);
        }
      }
      case Node.Sequence sequence -> part(sequence, 0, cell);
      case Node.Repeat repeat -> {
        if (repeat.least == 0) {
          goOn(cell);
        }
        again(repeat, 0, cell);
      }
      case Node.ItemList list -> head(OPEN_BRACKET, cell(list, Phase.OPENING, 0, cell));
      case MemberSet members ->
          head(members.isArray ? OPEN_BRACKET : OPEN_BRACE, cell(members, Phase.OPENING, 0, cell));
    }
  }

  private void goOn(@Nullable Cell cell, int label) {
    if (cell == null) {
      complete = true;
      return;
    }
    switch (cell.node) {
      case Node.Sequence sequence -> part(sequence, cell.count, cell.below);
      case Node.Repeat repeat -> {
        if (cell.count >= repeat.least) {
          goOn(cell.below);
        }
        again(repeat, cell.count, cell.below);
      }
      case Node.ItemList list -> goOn(list, cell);
      case MemberSet members -> goOn(members, cell, label);
      case Node.Rule _, Node.Either _, Node.Terminal _ ->
          throw new IllegalStateException("nothing goes on in " + cell.node);
    }
  }

  /** The part at an index; the last one leaves no cell, so that lists by recursion stay flat. */
  private void part(Node.Sequence sequence, int index, @Nullable Cell below) {
    int size = sequence.parts.size();
    if (index == size) {
      goOn(below);
    } else {
      Cell rest = index + 1 == size ? below : cell(sequence, Phase.PART, index + 1, below);
      add(sequence.parts.get(index), rest);
    }
  }

  private void again(Node.Repeat repeat, int done, @Nullable Cell below) {
    if (done < repeat.most) {
      int count = capped(done + 1, repeat.most, repeat.least);
      add(repeat.repeated, cell(repeat, Phase.PART, count, below));
    }
  }

  private void goOn(Node.ItemList list, Cell cell) {
    int begun = cell.count;
    int most = Productivity.mostItems(list);
    if (cell.phase == Phase.COMMA || cell.phase == Phase.OPENING && most > 0) {
      int count = capped(begun + 1, list.most, Math.max(list.least, list.first.size()));
      add(list.item(begun), cell(list, Phase.PART, count, cell.below));
    }
    if (cell.phase != Phase.COMMA && begun >= list.least) {
      head(CLOSE_BRACKET, cell.below);
    }
    if (cell.phase == Phase.PART && begun < most) {
      head(COMMA, cell(list, Phase.COMMA, begun, cell.below));
    }
  }

  private void goOn(MemberSet members, Cell cell, int label) {
    if (cell.phase == Phase.NAME) {
      boolean single = members.names.isSingle(label);
      BitSet used = (BitSet) cell.used.clone();
      if (single) {
        used.set(label);
      }
      int count = capped(cell.count + 1, members.most, members.least);
      Cell value =
          new Cell(members, Phase.PART, count, used, cell.names.finish(!single), cell.below);
      add(members.values.get(label), intern.apply(value));
      return;
    }
    if (cell.count >= members.least && isSubset(members.names.required(), cell.used)) {
      head(members.isArray ? CLOSE_BRACKET : CLOSE_BRACE, cell.below);
    }
    TableAutomaton names =
        cell.phase == Phase.OPENING ? members.names.first() : members.names.later();
    Cell name = cell.with(Phase.NAME, cell.names);
    if (NameChoice.of(name, names).canGoOn(names.start(), name.names)) {
      head(names, intern.apply(name));
    }
  }

  private static int capped(int count, int most, int enough) {
    return most == Integer.MAX_VALUE ? Math.min(count, enough) : count;
  }

  private static boolean isSubset(BitSet part, BitSet whole) {
    BitSet missing = (BitSet) part.clone();
    missing.andNot(whole);
    return missing.isEmpty();
  }
}
