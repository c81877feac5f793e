package dev.millrace.grammar.automaton;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;

/**
 * A deterministic automaton over characters. Texts that it accepts have a label, 0 unless said
 * otherwise. Every state but a start that accepts nothing leads to one that accepts. Immutable.
 */
public final class Automaton {
  /** No label: not accepted. No state: nothing accepted comes behind. */
  public static final int NONE = -1;

  private static final int START = 0;

  /** Charged for each number by which a state is known while automata are made: its memory. */
  private static final long KEY_STEPS = 4;

  /** On each character from first to last, both included, to a state. */
  record Edge(int first, int last, int to) {}

  private final List<List<Edge>> edges; // by state, ascending, disjoint
  private final int[] labels; // by state

  private Automaton(List<List<Edge>> edges, int[] labels) {
    this.edges = edges;
    this.labels = labels;
  }

  /**
   * The texts that match a pattern from their begin to their end.
   *
   * @throws dev.millrace.grammar.automaton.FormatException beyond the budget
   */
  public static Automaton of(Pattern pattern, Budget budget) {
    Nfa nfa = new Nfa(pattern, budget);
    Exploration<List<Integer>> found = new Exploration<>(budget);
    // Where the text begins, more moves are open: the first state is one of its own.
    found.add(List.of(NONE));
    for (int state = 0; state < found.size(); state++) {
      boolean begins = state == START;
      List<Integer> kernel = begins ? List.of(nfa.start) : found.key(state);
      BitSet moving = nfa.closure(kernel, begins, false);
      boolean accepts = nfa.closure(kernel, begins, true).get(nfa.accept);
      List<Nfa.Move> moves = new ArrayList<>();
      moving.stream().forEach(each -> moves.addAll(nfa.moves(each)));
      found.define(state, accepts ? 0 : NONE, successors(moves, found, budget));
    }
    return found.trimmed();
  }

  private static List<Edge> successors(
      List<Nfa.Move> moves, Exploration<List<Integer>> found, Budget budget) {
    List<Edge> edges = new ArrayList<>();
    for (int[] segment : segments(moves.stream().map(Nfa.Move::on).toList(), budget)) {
      List<Integer> to =
          moves.stream()
              .filter(move -> move.on().contains(segment[0]))
              .map(Nfa.Move::to)
              .sorted()
              .distinct()
              .toList();
      budget.spend(moves.size() + KEY_STEPS * to.size());
      if (!to.isEmpty()) {
        edges.add(new Edge(segment[0], segment[1], found.add(to)));
      }
    }
    return edges;
  }

  /** The ranges between all ends of the sets' ranges: each is inside a set, or outside. */
  private static List<int[]> segments(List<CodePoints> sets, Budget budget) {
    TreeSet<Integer> cuts = new TreeSet<>();
    for (CodePoints set : sets) {
      budget.spend(set.size());
      for (int i = 0; i < set.size(); i++) {
        cuts.add(set.first(i));
        cuts.add(set.last(i) + 1);
      }
    }
    List<int[]> segments = new ArrayList<>();
    Integer from = null;
    for (int cut : cuts) {
      if (from != null) {
        segments.add(new int[] {from, cut - 1});
      }
      from = cut;
    }
    return segments;
  }

  /** These texts, each labelled by its index; of equal ones the first. */
  public static Automaton ofTexts(List<String> texts, Budget budget) {
    List<Map<Integer, Integer>> trie = new ArrayList<>();
    List<Integer> labels = new ArrayList<>();
    trie.add(new HashMap<>());
    labels.add(NONE);
    for (int i = 0; i < texts.size(); i++) {
      int at = START;
      for (int c : texts.get(i).codePoints().toArray()) {
        budget.spend(1);
        Integer to = trie.get(at).get(c);
        if (to == null) {
          budget.state();
          to = trie.size();
          trie.get(at).put(c, to);
          trie.add(new HashMap<>());
          labels.add(NONE);
        }
        at = to;
      }
      if (labels.get(at) == NONE) {
        labels.set(at, i);
      }
    }
    List<List<Edge>> edges =
        trie.stream()
            .map(
                children ->
                    children.entrySet().stream()
                        .sorted(Map.Entry.comparingByKey())
                        .map(each -> new Edge(each.getKey(), each.getKey(), each.getValue()))
                        .toList())
            .toList();
    return new Automaton(edges, labels.stream().mapToInt(Integer::intValue).toArray());
  }

  /** How texts are labelled that several automata have read, each with its label or NONE. */
  public interface Labelling {
    int label(int[] labels);
  }

  /**
   * All automata reading the same text. One that has come to its end doesn't end the others: what
   * none of them can read any more isn't accepted.
   */
  public static Automaton product(List<Automaton> parts, Labelling labelling, Budget budget) {
    Exploration<List<Integer>> found = new Exploration<>(budget);
    found.add(parts.stream().map(each -> START).toList());
    for (int state = 0; state < found.size(); state++) {
      List<Integer> at = found.key(state);
      int[] labels = new int[parts.size()];
      TreeSet<Integer> cuts = new TreeSet<>();
      for (int i = 0; i < labels.length; i++) {
        int part = at.get(i);
        labels[i] = part == NONE ? NONE : parts.get(i).labels[part];
        List<Edge> out = part == NONE ? List.of() : parts.get(i).edges.get(part);
        budget.spend(1 + out.size());
        for (Edge edge : out) {
          cuts.add(edge.first());
          cuts.add(edge.last() + 1);
        }
      }
      List<Edge> edges = new ArrayList<>();
      Integer from = null;
      for (int cut : cuts) {
        if (from != null) {
          List<Integer> to = new ArrayList<>(labels.length);
          for (int i = 0; i < labels.length; i++) {
            to.add(at.get(i) == NONE ? NONE : parts.get(i).next(at.get(i), from));
          }
          budget.spend(KEY_STEPS * labels.length);
          if (to.stream().anyMatch(each -> each != NONE)) {
            edges.add(new Edge(from, cut - 1, found.add(to)));
          }
        }
        from = cut;
      }
      found.define(state, labelling.label(labels), edges);
    }
    return found.trimmed();
  }

  /** Texts that both accept; labelled 0. */
  public Automaton and(Automaton other, Budget budget) {
    return product(
        List.of(this, other), labels -> labels[0] != NONE && labels[1] != NONE ? 0 : NONE, budget);
  }

  /** Texts that either accepts; labelled 0. */
  public Automaton or(Automaton other, Budget budget) {
    return product(
        List.of(this, other), labels -> labels[0] != NONE || labels[1] != NONE ? 0 : NONE, budget);
  }

  /**
   * Numbers in digits, perhaps with a minus in front and a fraction behind, that are whole
   * multiples of a divisor; with leading zeros too.
   *
   * @param divisor in units of the last of its decimals, above 0
   * @param decimals that it has
   */
  public static Automaton ofMultiples(int divisor, int decimals, Budget budget) {
    // What has been read; the remainder is that of the number without its point.
    record Read(boolean begun, boolean digit, int fraction, int remainder) {}
    Exploration<Read> found = new Exploration<>(budget);
    int integer = -1; // digits of the fraction while there is none
    found.add(new Read(false, false, integer, 0));
    for (int state = 0; state < found.size(); state++) {
      Read read = found.key(state);
      long scaled = read.remainder;
      for (int i = Math.max(read.fraction, 0); i < decimals; i++) {
        scaled = scaled * 10 % divisor;
      }
      List<Edge> edges = new ArrayList<>();
      if (!read.begun) {
        edges.add(new Edge('-', '-', found.add(new Read(true, false, integer, 0))));
      }
      if (read.digit && read.fraction == integer) {
        edges.add(new Edge('.', '.', found.add(new Read(true, false, 0, read.remainder))));
      }
      boolean zerosOnly = read.fraction >= decimals;
      for (int digit = 0; digit <= (zerosOnly ? 0 : 9); digit++) {
        int remainder =
            zerosOnly ? read.remainder : (int) ((read.remainder * 10L + digit) % divisor);
        int fraction = Math.min(read.fraction + (read.fraction == integer ? 0 : 1), decimals);
        edges.add(
            new Edge(
                '0' + digit, '0' + digit, found.add(new Read(true, true, fraction, remainder))));
      }
      found.define(state, read.digit && scaled == 0 ? 0 : NONE, edges);
    }
    return found.trimmed();
  }

  /** Texts that this one accepts and the other doesn't; labelled 0. */
  public Automaton minus(Automaton other, Budget budget) {
    return product(
        List.of(this, other), labels -> labels[0] != NONE && labels[1] == NONE ? 0 : NONE, budget);
  }

  public boolean isEmpty() {
    return labels[START] == NONE && edges.get(START).isEmpty();
  }

  /** A text's label, or NONE. */
  public int label(String text) {
    int at = START;
    for (int c : text.codePoints().toArray()) {
      at = next(at, c);
      if (at == NONE) {
        return NONE;
      }
    }
    return labels[at];
  }

  public boolean accepts(String text) {
    return label(text) != NONE;
  }

  int next(int state, int codePoint) {
    List<Edge> out = edges.get(state);
    int low = 0;
    int high = out.size() - 1;
    while (low <= high) {
      int middle = (low + high) >>> 1;
      Edge edge = out.get(middle);
      if (codePoint < edge.first()) {
        high = middle - 1;
      } else if (codePoint > edge.last()) {
        low = middle + 1;
      } else {
        return edge.to();
      }
    }
    return NONE;
  }

  int size() {
    return labels.length;
  }

  List<Edge> edges(int state) {
    return edges.get(state);
  }

  int label(int state) {
    return labels[state];
  }

  /** States by what they stand for, numbered as they are found. */
  private static final class Exploration<K> {
    private final Budget budget;
    private final Map<K, Integer> numbers = new HashMap<>();
    private final List<K> keys = new ArrayList<>();
    private final List<List<Edge>> edges = new ArrayList<>();
    private final List<Integer> labels = new ArrayList<>();

    Exploration(Budget budget) {
      this.budget = budget;
    }

    int add(K key) {
      Integer number = numbers.get(key);
      if (number == null) {
        budget.state();
        number = keys.size();
        numbers.put(key, number);
        keys.add(key);
      }
      return number;
    }

    int size() {
      return keys.size();
    }

    K key(int number) {
      return keys.get(number);
    }

    /** In order of numbers. Neighbouring edges to one state become one. */
    void define(int number, int label, List<Edge> out) {
      if (number != edges.size()) {
        throw new IllegalStateException("state " + number + " is defined behind " + edges.size());
      }
      List<Edge> joined = new ArrayList<>(out.size());
      for (Edge edge : out) {
        Edge last = joined.isEmpty() ? null : joined.getLast();
        if (last != null && last.to == edge.to && last.last + 1 == edge.first) {
          joined.set(joined.size() - 1, new Edge(last.first, edge.last, edge.to));
        } else {
          joined.add(edge);
        }
      }
      edges.add(joined);
      labels.add(label);
    }

    /** Without the states from which nothing accepted can be reached. */
    Automaton trimmed() {
      List<List<Integer>> before = new ArrayList<>();
      edges.forEach(each -> before.add(new ArrayList<>()));
      BitSet useful = new BitSet();
      Deque<Integer> open = new ArrayDeque<>();
      for (int state = 0; state < edges.size(); state++) {
        budget.spend(1 + edges.get(state).size());
        for (Edge edge : edges.get(state)) {
          before.get(edge.to).add(state);
        }
        if (labels.get(state) != NONE) {
          useful.set(state);
          open.add(state);
        }
      }
      while (!open.isEmpty()) {
        for (int state : before.get(open.poll())) {
          if (!useful.get(state)) {
            useful.set(state);
            open.add(state);
          }
        }
      }
      useful.set(START);
      int[] renumbered = new int[edges.size()];
      Arrays.fill(renumbered, NONE);
      int size = 0;
      for (int state = useful.nextSetBit(0); state >= 0; state = useful.nextSetBit(state + 1)) {
        renumbered[state] = size++;
      }
      List<List<Edge>> kept = new ArrayList<>(size);
      int[] keptLabels = new int[size];
      for (int state = 0; state < renumbered.length; state++) {
        if (renumbered[state] != NONE) {
          keptLabels[kept.size()] = labels.get(state);
          kept.add(
              edges.get(state).stream()
                  .filter(edge -> useful.get(edge.to))
                  .map(edge -> new Edge(edge.first, edge.last, renumbered[edge.to]))
                  .toList());
        }
      }
      return new Automaton(kept, keptLabels);
    }
  }
}
