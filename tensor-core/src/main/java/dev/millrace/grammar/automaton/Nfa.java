package dev.millrace.grammar.automaton;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;

/**
 * A nondeterministic automaton over characters, by Thompson's construction (1968): what stands
 * between a pattern and its {@link Automaton}. Anchors are moves that cost no character and are
 * open only where the text begins or ends.
 */
final class Nfa {
  private enum When {
    ALWAYS,
    AT_BEGIN,
    AT_END
  }

  private record Free(When when, int to) {}

  record Move(CodePoints on, int to) {}

  private final Budget budget;
  private final List<List<Free>> free = new ArrayList<>(); // by state
  private final List<List<Move>> moves = new ArrayList<>(); // by state
  final int start;
  final int accept;

  Nfa(Pattern pattern, Budget budget) {
    this.budget = budget;
    this.start = state();
    this.accept = add(pattern, start);
  }

  List<Move> moves(int state) {
    return moves.get(state);
  }

  /**
   * All states that can be reached without a character.
   *
   * @param atBegin no character has been read
   * @param atEnd none will be
   */
  BitSet closure(List<Integer> from, boolean atBegin, boolean atEnd) {
    budget.spend(free.size() / 1_024); // for the set's memory
    BitSet reached = new BitSet(free.size());
    Deque<Integer> fresh = new ArrayDeque<>(from);
    from.forEach(reached::set);
    while (!fresh.isEmpty()) {
      List<Free> edges = free.get(fresh.pop());
      budget.spend(1 + edges.size());
      for (Free edge : edges) {
        boolean open =
            switch (edge.when()) {
              case ALWAYS -> true;
              case AT_BEGIN -> atBegin;
              case AT_END -> atEnd;
            };
        if (open && !reached.get(edge.to())) {
          reached.set(edge.to());
          fresh.push(edge.to());
        }
      }
    }
    return reached;
  }

  private int state() {
    budget.spend(8); // memory, more than time
    free.add(new ArrayList<>(2));
    moves.add(new ArrayList<>(1));
    return free.size() - 1;
  }

  private void free(int from, When when, int to) {
    free.get(from).add(new Free(when, to));
  }

  /** Adds what matches the pattern behind a state; returns the state behind it. */
  private int add(Pattern pattern, int from) {
    budget.spend(1); // also where nothing is added: it may be asked for a billion times
    return switch (pattern) {
      case Pattern.OneOf one -> {
        int to = state();
        if (!one.characters().isEmpty()) {
          moves.get(from).add(new Move(one.characters(), to));
        }
        yield to;
      }
      case Pattern.Sequence sequence -> {
        int at = from;
        for (Pattern part : sequence.parts()) {
          at = add(part, at);
        }
        yield at;
      }
      case Pattern.Either either -> {
        int to = state();
        for (Pattern option : either.options()) {
          int begin = state(); // of its own: a loop in one option must not lead into the others
          free(from, When.ALWAYS, begin);
          free(add(option, begin), When.ALWAYS, to);
        }
        yield to;
      }
      case Pattern.Repeat repeat -> addRepeat(repeat, from);
      case Pattern.Begin _ -> addAnchor(from, When.AT_BEGIN);
      case Pattern.End _ -> addAnchor(from, When.AT_END);
    };
  }

  private int addAnchor(int from, When when) {
    int to = state();
    free(from, when, to);
    return to;
  }

  private int addRepeat(Pattern.Repeat repeat, int from) {
    int at = from;
    for (int i = 0; i < repeat.least(); i++) {
      at = add(repeat.repeated(), at);
    }
    if (repeat.most() == Pattern.UNBOUNDED) {
      int begin = state();
      int to = state();
      free(at, When.ALWAYS, begin);
      free(begin, When.ALWAYS, to);
      free(add(repeat.repeated(), begin), When.ALWAYS, begin);
      return to;
    }
    int to = state();
    free(at, When.ALWAYS, to);
    for (int i = repeat.least(); i < repeat.most(); i++) {
      int begin = state();
      free(at, When.ALWAYS, begin);
      at = add(repeat.repeated(), begin);
      free(at, When.ALWAYS, to);
    }
    return to;
  }
}
