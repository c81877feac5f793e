package dev.millrace.grammar.automaton;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One whose moves stand in a table, a column for each class of bytes that no state tells apart. */
public final class TableAutomaton implements ByteAutomaton {
  private final int[] columns; // by byte
  private final int columnCount;
  private final int[] table; // [states][columns]
  private final int[] labels; // by state
  private final boolean[] goesOn; // by state
  private final boolean[] staysOnPlain; // by state: every plain byte leads back
  private final int start;

  private TableAutomaton(int[] columns, int columnCount, int[] table, int[] labels, int start) {
    this.columns = columns;
    this.columnCount = columnCount;
    this.table = table;
    this.labels = labels;
    this.start = start;
    this.goesOn = new boolean[labels.length];
    this.staysOnPlain = new boolean[labels.length];
    for (int state = 0; state < labels.length; state++) {
      staysOnPlain[state] = labels[state] == NONE;
      for (int next = 0; next < 256; next++) {
        int to = next(state, next);
        goesOn[state] |= to != NONE;
        staysOnPlain[state] &= to == state || !ByteAutomaton.isPlain(next);
      }
    }
  }

  /** The texts of an automaton, in UTF-8. */
  public static TableAutomaton ofText(Automaton texts, Budget budget) {
    Builder builder = new Builder(texts, Spelling.TEXT, budget);
    return builder.build(builder.begin);
  }

  /** The same behind a comma and at most a space. */
  public static TableAutomaton ofTextBehindComma(Automaton texts, Budget budget) {
    Builder builder = new Builder(texts, Spelling.TEXT, budget);
    int comma = builder.add();
    int space = builder.add();
    builder.set(comma, ',', space);
    builder.set(space, ' ', builder.begin);
    for (int next = 0; next < 256; next++) {
      int to = builder.next(builder.begin, next);
      if (to != NONE) {
        builder.set(space, next, to);
      }
    }
    return builder.build(comma);
  }

  /** JSON strings with these contents, quotes included. */
  public static TableAutomaton ofJsonString(Automaton contents, Budget budget) {
    Builder builder = new Builder(contents, Spelling.JSON_STRING, budget);
    int opened = builder.add();
    builder.set(opened, '"', builder.begin);
    builder.close((label, at) -> builder.set(at, '"', builder.add(label)));
    return builder.build(opened);
  }

  /**
   * Members' names in quotes, with the colon and at most a space behind it.
   *
   * @param separator what comes in front: nothing, or a comma and at most a space
   */
  public static TableAutomaton ofJsonNames(Automaton names, boolean separator, Budget budget) {
    Builder builder = new Builder(names, Spelling.JSON_NAME, budget);
    int quote = builder.add();
    builder.set(quote, '"', builder.begin);
    Map<Integer, Integer> ends = new HashMap<>(); // by label, what stands behind the name
    builder.close(
        (label, at) ->
            builder.set(
                at,
                '"',
                ends.computeIfAbsent(
                    label,
                    each -> {
                      int closed = builder.add();
                      int colon = builder.add(each);
                      builder.set(closed, ':', colon);
                      builder.set(colon, ' ', builder.add(each));
                      return closed;
                    })));
    if (!separator) {
      return builder.build(quote);
    }
    int comma = builder.add();
    int space = builder.add();
    builder.set(comma, ',', space);
    builder.set(space, ' ', quote);
    builder.set(space, '"', builder.begin);
    return builder.build(comma);
  }

  /** Those among the states of a table at which a whole number of characters has been read. */
  static boolean isBetweenCharacters(Automaton texts, int state) {
    return state < texts.size(); // the builder adds all others behind them
  }

  @Override
  public int next(int state, int next) {
    return table[state * columnCount + columns[next]];
  }

  @Override
  public int label(int state) {
    return labels[state];
  }

  @Override
  public int plainRun(int state) {
    return staysOnPlain[state] ? UNBOUNDED_RUN : 0;
  }

  @Override
  public boolean goesOn(int state) {
    return goesOn[state];
  }

  @Override
  public int start() {
    return start;
  }

  public int size() {
    return labels.length;
  }

  /** For each state, the labels that can be reached from it, its own included. */
  public List<BitSet> reachableLabels() {
    List<BitSet> reachable = new ArrayList<>();
    List<List<Integer>> before = new ArrayList<>();
    for (int label : labels) {
      BitSet own = new BitSet();
      if (label != NONE) {
        own.set(label);
      }
      reachable.add(own);
      before.add(new ArrayList<>());
    }
    for (int i = 0; i < table.length; i++) {
      if (table[i] != NONE) {
        before.get(table[i]).add(i / columnCount);
      }
    }
    BitSet open = new BitSet();
    open.set(0, labels.length);
    while (!open.isEmpty()) {
      int state = open.previousSetBit(labels.length - 1);
      open.clear(state);
      for (int earlier : before.get(state)) {
        BitSet more = reachable.get(earlier);
        int had = more.cardinality();
        more.or(reachable.get(state));
        if (more.cardinality() > had) {
          open.set(earlier);
        }
      }
    }
    return reachable;
  }

  /** What to add behind an accepting state of the texts. */
  private interface End {
    void add(int label, int state);
  }

  /** Rows of 256 moves, each of them possibly shared, until they are packed. */
  private static final class Builder {
    private final Budget budget;
    private final List<int[]> rows = new ArrayList<>();
    private final List<Integer> labels = new ArrayList<>();
    final int begin;

    Builder(Automaton texts, Spelling spelling, Budget budget) {
      this.budget = budget;
      this.begin = 0;
      for (int state = 0; state < texts.size(); state++) {
        add(texts.label(state));
      }
      Map<List<CodePoints>, Shape> shapes = new HashMap<>();
      for (int state = 0; state < texts.size(); state++) {
        Map<Integer, List<CodePoints>> byTarget = new LinkedHashMap<>();
        for (Automaton.Edge edge : texts.edges(state)) {
          byTarget
              .computeIfAbsent(edge.to(), to -> new ArrayList<>())
              .add(CodePoints.range(edge.first(), edge.last()));
        }
        Shape shape =
            shapes.computeIfAbsent(
                byTarget.values().stream().map(CodePoints::union).toList(),
                sets -> new Shape(sets, spelling, budget));
        place(shape, state, byTarget.keySet().stream().mapToInt(each -> each).toArray());
      }
    }

    int add() {
      return add(NONE);
    }

    int add(int label) {
      budget.state();
      budget.spend(16); // a row's memory
      int[] row = new int[256];
      Arrays.fill(row, NONE);
      rows.add(row);
      labels.add(label);
      return rows.size() - 1;
    }

    int next(int from, int next) {
      return rows.get(from)[next];
    }

    void set(int from, int next, int to) {
      rows.get(from)[next] = to;
    }

    private void place(Shape shape, int state, int[] targets) {
      int[] numbers = new int[shape.nodes.size()];
      for (int node = 0; node < numbers.length; node++) {
        numbers[node] = node == 0 ? state : add();
      }
      for (int node = 0; node < numbers.length; node++) {
        for (int next = 0; next < 256; next++) {
          int to = shape.nodes.get(node)[next];
          if (to != NONE) {
            set(numbers[node], next, to < 0 ? targets[Shape.target(to)] : numbers[to]);
          }
        }
      }
    }

    /** Takes accepting states' labels away, and has something put behind them instead. */
    void close(End end) {
      int size = labels.size();
      for (int state = 0; state < size; state++) {
        int label = labels.get(state);
        if (label != NONE) {
          labels.set(state, NONE);
          end.add(label, state);
        }
      }
    }

    TableAutomaton build(int start) {
      int[] columns = new int[256];
      int count = 1;
      for (int[] row : rows) { // bytes that some row tells apart get columns of their own
        if (count == 256) {
          break;
        }
        Map<Long, Integer> refined = new HashMap<>();
        int[] finer = new int[256];
        for (int next = 0; next < 256; next++) {
          long both = (long) columns[next] << 32 | row[next] & 0xFFFF_FFFFL;
          finer[next] = refined.computeIfAbsent(both, each -> refined.size());
        }
        columns = finer;
        count = refined.size();
      }
      int[] table = new int[rows.size() * count];
      for (int state = 0; state < rows.size(); state++) {
        for (int next = 0; next < 256; next++) {
          table[state * count + columns[next]] = rows.get(state)[next];
        }
      }
      int[] flat = labels.stream().mapToInt(Integer::intValue).toArray();
      return new TableAutomaton(columns, count, table, flat, start);
    }
  }

  /**
   * The bytes from one state over characters to the next ones, whichever these are: nodes with
   * moves to nodes, or to the k-th of the next states, written −2−k.
   */
  private static final class Shape {
    private record Spelled(List<BitSet> bytes, int target) {
      Spelled behindFirst() {
        return new Spelled(bytes.subList(1, bytes.size()), target);
      }
    }

    private final Budget budget;
    final List<int[]> nodes = new ArrayList<>();

    Shape(List<CodePoints> sets, Spelling spelling, Budget budget) {
      this.budget = budget;
      List<Spelled> all = new ArrayList<>();
      for (int target = 0; target < sets.size(); target++) {
        for (List<BitSet> bytes : spelling.spell(sets.get(target))) {
          all.add(new Spelled(bytes, target));
        }
      }
      node(all, new HashMap<>());
    }

    static int target(int move) {
      return -2 - move;
    }

    /**
     * @param known nodes by what is still to be spelled there
     */
    private int node(List<Spelled> spellings, Map<List<Spelled>, Integer> known) {
      int number = nodes.size();
      known.put(spellings, number);
      int[] moves = new int[256];
      Arrays.fill(moves, NONE);
      nodes.add(moves);
      for (int next = 0; next < 256; next++) {
        List<Spelled> rest = new ArrayList<>();
        for (Spelled spelled : spellings) {
          if (spelled.bytes.getFirst().get(next)) {
            rest.add(spelled.behindFirst());
          }
        }
        budget.spend(1 + spellings.size() / 4);
        if (!rest.isEmpty()) {
          Integer child = known.get(rest);
          if (rest.getFirst().bytes.isEmpty()) { // then it is the only one
            moves[next] = -2 - rest.getFirst().target;
          } else {
            moves[next] = child == null ? node(rest, known) : child;
          }
        }
      }
      return number;
    }
  }
}
