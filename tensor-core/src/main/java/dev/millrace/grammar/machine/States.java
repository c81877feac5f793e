package dev.millrace.grammar.machine;

import dev.millrace.grammar.automaton.ByteAutomaton;
import java.util.ArrayDeque;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A format's states and masks, worked out when first wanted and kept while they fit. What doesn't
 * fit any more is forgotten all at once: states in use stay with their users. One thread at a time
 * works something out; what is known is read without waiting.
 */
final class States {
  /** Of states, with their cells and masks; an estimate. */
  private static final long MAX_KEPT_BYTES = 6 << 20;

  /** Of what automata alone can tell. */
  static final long MAX_REACH_BYTES = 2 << 20;

  /**
   * Ways of reading one text that are followed; an ambiguous grammar can have exponentially many.
   * Where a state's heads together lead to more, each is followed by itself, as masks do, and those
   * that alone lead to more are given up: so what a mask allows can be accepted.
   */
  static final int MAX_HEADS = 2_000;

  /**
   * For one mask, some tenths of a second; a state that takes more allows nothing. Usual formats
   * take some ten thousands.
   */
  private static final long MAX_MASK_WORK = 100_000_000;

  /** For what is worked out ahead, all automata together: some 20 ms. */
  private static final long MAX_PREPARED = 4_000_000;

  /** What else an automaton's state takes that is prepared: to look at all bytes. */
  private static final int NODES_FOR_ALL_BYTES = 256;

  /** What may stand between a brace and a name, or a value and the next name. */
  private static final List<String> SEPARATORS = List.of("", " ", ",", ", ");

  private static final List<String> NOTHING_BEFORE = List.of("");

  private static final long CELL_BYTES = 200;
  private static final long STATE_BYTES = 400;

  /** Compared by what is in it: many states allow the same tokens. */
  private record Mask(long[] words) {
    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Mask mask && Arrays.equals(words, mask.words);
    }

    @Override
    public int hashCode() {
      return Arrays.hashCode(words);
    }
  }

  private record Key(Set<Head> heads, boolean complete) {}

  /**
   * @param labels of names that may come; null where all may
   */
  private record Place(ByteAutomaton automaton, int state, @Nullable BitSet labels) {}

  /** An automaton's state, before anything is read: of names, in an object that begins. */
  private record Near(
      ByteAutomaton automaton, int state, @Nullable Cell cell, @Nullable NameChoice choice) {}

  private final TokenTrie trie;
  private final Node root;
  private final Map<Cell, Cell> cells = new HashMap<>();
  private final Map<Key, State> states = new HashMap<>();
  private final Map<Mask, Mask> masks = new HashMap<>();
  private final Map<Place, Reach> reaches = new HashMap<>();
  private long keptBytes;
  private long reachBytes;

  States(Node root, TokenTrie trie) {
    this.root = root;
    this.trie = trie;
  }

  /**
   * Works out ahead what automata alone can tell, in the states that are nearest to their starts:
   * the most that masks take, so that those who compile a format wait for it, and no engine.
   */
  synchronized void prepare() {
    Set<Near> seen = new HashSet<>();
    Deque<Near> open = new ArrayDeque<>();
    for (Node node : Productivity.reachable(root)) {
      if (node instanceof Node.Terminal terminal) {
        ByteAutomaton automaton = terminal.automaton;
        open.add(new Near(automaton, automaton.start(), null, null));
      } else if (node instanceof Node.MemberSet members) {
        Cell cell = new Cell(members, Cell.Phase.NAME, 0, null);
        for (ByteAutomaton names : List.of(members.names.first(), members.names.later())) {
          open.add(new Near(names, names.start(), cell, NameChoice.of(cell, names)));
        }
      }
    }
    Work work = new Work(MAX_PREPARED);
    for (Near near = open.poll(); near != null; near = open.poll()) {
      reach(new Head(near.automaton, near.state, near.cell), near.choice, work);
      work.spend(NODES_FOR_ALL_BYTES);
      if (work.isTooMuch() || reachBytes > MAX_REACH_BYTES / 2) {
        return;
      }
      for (int read = 0; read < 256; read++) {
        int to = near.automaton.next(near.state, read);
        if (to != ByteAutomaton.NONE
            && near.automaton.goesOn(to)
            && (near.choice == null || near.choice.canGoOn(to))) {
          int state = near.automaton.alike(to, trie.maxDepth());
          Near next = new Near(near.automaton, state, near.cell, near.choice);
          if (seen.add(next)) {
            open.add(next);
          }
        }
      }
    }
  }

  /** What is kept of what automata alone can tell. */
  synchronized long reachBytes() {
    return reachBytes;
  }

  /** Not to be kept for long: from it, all can be reached that is worked out behind it. */
  synchronized State start() {
    Expansion expansion = new Expansion(this::intern);
    expansion.enter(root);
    return state(expansion);
  }

  State next(State state, int read) {
    State known = state.next(read);
    return known == null ? step(state, read) : known;
  }

  /** What comes behind a token's bytes; DEAD if they can't come. */
  State behind(State state, byte[] piece) {
    State at = through(state, piece, 0);
    return at == State.TOO_MANY ? behindEach(state, piece) : at;
  }

  private State through(State state, byte[] piece, int from) {
    State at = state;
    for (int i = from; i < piece.length && !at.isDead(); i++) {
      at = next(at, piece[i] & 0xFF);
    }
    return at;
  }

  /** The same, counted. */
  private State next(State state, int read, Work work) {
    State next = next(state, read);
    work.spend(1 + state.nodes(read));
    return next;
  }

  /** The tokens that may come; not to be changed. */
  long[] mask(State state) {
    long[] known = state.mask();
    return known == null ? workOut(state, new Work(MAX_MASK_WORK)) : known;
  }

  private Cell intern(Cell cell) {
    Cell known = cells.putIfAbsent(cell, cell);
    if (known == null) {
      keptBytes += CELL_BYTES + 2L * cell.names.partial().length();
      return cell;
    }
    return known;
  }

  private State state(Expansion expansion) {
    return expansion.isTooMuch() ? State.TOO_MANY : state(expansion.heads, expansion.complete);
  }

  private State state(Set<Head> heads, boolean complete) {
    if (heads.isEmpty() && !complete) {
      return State.DEAD;
    }
    Key key = new Key(heads, complete);
    State known = states.get(key);
    if (known == null) {
      known = new State(heads, complete);
      states.put(key, known);
      keptBytes += STATE_BYTES + 60L * heads.size();
    }
    return known;
  }

  private synchronized State step(State state, int read) {
    Expansion expansion = new Expansion(this::intern);
    for (Head head : state.heads) {
      Head at = read(head, read);
      if (at != null) {
        if (at.goesOn()) {
          expansion.heads.add(at);
        }
        int label = acceptedAt(at);
        if (label != ByteAutomaton.NONE) {
          expansion.resume(at.cell(), label);
        }
      }
    }
    State next = state(expansion);
    state.keep(read, next, expansion.nodes());
    return next;
  }

  /** Where a head stands behind a byte; null if it can't come. */
  private @Nullable Head read(Head head, int read) {
    int to = head.automaton().next(head.state(), read);
    Cell cell = head.cell();
    if (to == ByteAutomaton.NONE || cell == null || !head.readsName()) {
      return to == ByteAutomaton.NONE ? null : new Head(head.automaton(), to, cell);
    }
    Cell further = intern(cell.with(cell.phase, cell.names.read(read)));
    NameChoice choice = NameChoice.of(further, head.automaton());
    return choice.canGoOn(to, further.names) ? new Head(head.automaton(), to, further) : null;
  }

  /** What a head's automaton accepts where it stands, or NONE. */
  private static int acceptedAt(Head head) {
    int label = head.automaton().label(head.state());
    boolean allowed =
        label == ByteAutomaton.NONE || !head.readsName() || NameChoice.of(head).allows(label);
    return allowed ? label : ByteAutomaton.NONE;
  }

  /** What comes behind a token's bytes by each head alone, of as many as may be followed. */
  private synchronized State behindEach(State state, byte[] piece) {
    Set<Head> heads = new LinkedHashSet<>();
    boolean complete = false;
    Work work = new Work(MAX_MASK_WORK); // less than for the mask that has the token
    for (Head each : state.heads) {
      Behind behind = new Behind(work);
      Head head = each;
      for (int i = 0; i < piece.length && head != null; i++) {
        Head at = read(head, piece[i] & 0xFF);
        int label = at == null ? ByteAutomaton.NONE : acceptedAt(at);
        if (at != null && label != ByteAutomaton.NONE) {
          State end = behind.of(at, label);
          for (int j = i + 1; j < piece.length && !end.isDead(); j++) {
            end = next(end, piece[j] & 0xFF, work);
          }
          complete |= end.complete;
          if (heads.size() + end.heads.size() <= MAX_HEADS) {
            heads.addAll(end.heads);
          }
        }
        if (work.isTooMuch()) {
          return State.DEAD;
        }
        head = at != null && at.goesOn() ? at : null;
      }
      if (head != null && heads.size() < MAX_HEADS) {
        heads.add(head);
      }
    }
    return state(heads, complete);
  }

  /** What comes behind texts that one head's automaton accepts. */
  private final class Behind {
    private final Work work;
    private final Map<Integer, State> known = new HashMap<>(); // by label: worked out once
    private final State[] path = new State[trie.maxDepth() + 1]; // by depth

    Behind(Work work) {
      this.work = work;
    }

    State of(Head head, int label) {
      if (head.readsName()) { // then it differs by the name too
        return resume(head.cell(), label, work);
      }
      return known.computeIfAbsent(label, each -> resume(head.cell(), each, work));
    }

    /** Adds the tokens from a trie's node on, where the automaton accepts, with a state behind. */
    void addTo(long[] mask, State state, int node) {
      if (state.isDead()) {
        return;
      }
      trie.addTokens(node, mask);
      path[trie.depth(node)] = state;
      int end = state.heads.isEmpty() ? node : trie.behind(node);
      int i = node + 1;
      while (i < end && !work.isTooMuch()) {
        int depth = trie.depth(i);
        State to = next(path[depth - 1], trie.lastByte(i), work);
        if (to.isDead()) {
          i = trie.behind(i);
        } else {
          path[depth] = to;
          trie.addTokens(i, mask);
          i++;
        }
      }
    }
  }

  private State resume(@Nullable Cell cell, int label, Work work) {
    Expansion expansion = new Expansion(this::intern);
    expansion.resume(cell, label);
    work.spend(expansion.nodes());
    return state(expansion);
  }

  /** The mask, known or not; 0 where it takes more than the work that is allowed. */
  synchronized long[] workOut(State state, Work work) {
    if (keptBytes > MAX_KEPT_BYTES) {
      cells.clear();
      states.clear();
      masks.clear();
      keptBytes = 0;
    }
    long[] mask = new long[trie.words()];
    for (int i = 0; i < state.heads.size() && !work.isTooMuch(); i++) {
      Head head = state.heads.get(i);
      work.spend(Work.NODES_FOR_A_PART);
      if (head.readsName()) {
        addNames(head, mask, work);
      } else {
        addTexts(head, mask, work);
      }
    }
    if (work.isTooMuch()) {
      Arrays.fill(mask, 0);
    }
    Mask own = new Mask(mask);
    Mask known = masks.putIfAbsent(own, own);
    if (known == null) {
      keptBytes += mask.length * (long) Long.BYTES;
    }
    long[] shared = known == null ? mask : known.words;
    state.keep(shared);
    return shared;
  }

  private void addTexts(Head head, long[] mask, Work work) {
    Reach reach = reach(head, null, work);
    reach.addTo(mask);
    Behind behind = new Behind(work);
    for (int i = 0; i < reach.exits() && !work.isTooMuch(); i++) {
      work.spend(1);
      behind.addTo(mask, behind.of(head, reach.label(i)), reach.exit(i));
    }
  }

  private void addNames(Head head, long[] mask, Work work) {
    Cell cell = Objects.requireNonNull(head.cell());
    NameChoice choice = NameChoice.of(head);
    Reach reach = reach(head, choice, work);
    work.spend((long) Work.NODES_FOR_A_PART * cell.names.used().size());
    int[] closed = closedByUsedNames(head, cell, choice);
    if (closed.length == 0) {
      reach.addTo(mask);
    } else {
      long[] own = new long[mask.length];
      reach.addTo(own);
      for (int node : closed) {
        trie.removeFrom(node, own);
      }
      for (int i = 0; i < mask.length; i++) {
        mask[i] |= own[i];
      }
    }
    Behind behind = new Behind(work);
    for (int i = 0; i < reach.exits() && !work.isTooMuch(); i++) {
      int exit = reach.exit(i);
      work.spend(1 + closed.length);
      if (choice.allows(reach.label(i))
          && Arrays.stream(closed).noneMatch(node -> exit >= node && exit < trie.behind(node))) {
        NameText text = cell.names;
        for (byte read : trie.path(exit)) {
          text = text.read(read & 0xFF);
        }
        Cell named = intern(cell.with(Cell.Phase.NAME, text));
        behind.addTo(mask, resume(named, reach.label(i), work), exit);
      }
    }
  }

  /**
   * The trie's nodes that lead only to names that are used: on the way to each used name, the first
   * from which no other can be reached.
   */
  private int[] closedByUsedNames(Head head, Cell cell, NameChoice choice) {
    return cell.names.used().stream()
        .filter(name -> name.startsWith(cell.names.partial()))
        .flatMapToInt(
            name -> {
              String rest = name.substring(cell.names.partial().length());
              boolean atBegin = cell.names.partial().isEmpty();
              return (atBegin ? SEPARATORS : NOTHING_BEFORE)
                  .stream().mapToInt(before -> closedNode(head, cell, choice, before + rest));
            })
        .filter(node -> node != TokenTrie.ROOT)
        .toArray();
  }

  private int closedNode(Head head, Cell cell, NameChoice choice, String way) {
    int node = TokenTrie.ROOT;
    int state = head.state();
    NameText text = cell.names;
    for (int i = 0; i < way.length(); i++) {
      int read = way.charAt(i);
      node = trie.child(node, (byte) read);
      state = head.automaton().next(state, read);
      if (node == TokenTrie.ROOT || state == ByteAutomaton.NONE) {
        return TokenTrie.ROOT;
      }
      text = text.read(read);
      if (!choice.canGoOn(state, text)) {
        return node;
      }
    }
    return TokenTrie.ROOT;
  }

  /**
   * @param choice of names, where the head reads one
   */
  private Reach reach(Head head, @Nullable NameChoice choice, Work work) {
    int state = head.automaton().alike(head.state(), trie.maxDepth());
    Place place =
        new Place(head.automaton(), state, choice == null ? null : choice.reachable(state));
    Reach known = reaches.get(place);
    if (known == null) {
      if (reachBytes > MAX_REACH_BYTES) {
        reaches.clear();
        reachBytes = 0;
      }
      known = Reach.from(head.automaton(), state, trie, to -> choice == null || choice.canGoOn(to));
      reaches.put(place, known);
      reachBytes += known.bytes();
    }
    work.spendOnce(place, known.walked());
    return known;
  }
}
