package dev.millrace.grammar.machine;

import dev.millrace.grammar.automaton.ByteAutomaton;
import java.util.BitSet;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A part of a format. Nodes refer to each other, in circles too, so each is equal to itself only;
 * they don't change once all {@link Rule}s are defined. No circle may come back to its begin
 * without a byte in between.
 */
public abstract sealed class Node {
  private boolean productive;

  private Node() {}

  /** Whether any text is one; see {@link Productivity}. */
  boolean isProductive() {
    return productive;
  }

  void markProductive() {
    productive = true;
  }

  /** What an automaton accepts. */
  public static final class Terminal extends Node {
    final ByteAutomaton automaton;

    public Terminal(ByteAutomaton automaton) {
      this.automaton = automaton;
    }
  }

  /** One behind the other. */
  public static final class Sequence extends Node {
    final List<Node> parts;

    public Sequence(List<Node> parts) {
      this.parts = List.copyOf(parts);
    }
  }

  /** One of them. */
  public static final class Either extends Node {
    final List<Node> options;

    public Either(List<Node> options) {
      this.options = List.copyOf(options);
    }
  }

  /** So many times one behind the other. */
  public static final class Repeat extends Node {
    final Node repeated;
    final int least;
    final int most;

    /**
     * @param most {@link Integer#MAX_VALUE} is no limit
     */
    public Repeat(Node repeated, int least, int most) {
      this.repeated = repeated;
      this.least = least;
      this.most = most;
    }
  }

  /** Stands for a node that is defined later. */
  public static final class Rule extends Node {
    private @Nullable Node definition;

    public void define(Node node) {
      definition = node;
    }

    Node definition() {
      return Objects.requireNonNull(definition, "a rule was never defined");
    }
  }

  /** A JSON array: items in brackets, commas in between. */
  public static final class ItemList extends Node {
    final List<Node> first;
    final Node rest;
    final int least;
    final int most;

    /**
     * @param first the first items, one each
     * @param rest each item behind these
     * @param most {@link Integer#MAX_VALUE} is no limit
     */
    public ItemList(List<Node> first, Node rest, int least, int most) {
      this.first = List.copyOf(first);
      this.rest = rest;
      this.least = least;
      this.most = most;
    }

    Node item(int index) {
      return index < first.size() ? first.get(index) : rest;
    }
  }

  /**
   * A JSON object: members in braces, in any order, none twice. Or an array of values of which none
   * may be there twice: then these are the names, and there is nothing behind them.
   */
  public static final class MemberSet extends Node {
    final MemberNames names;
    final List<Node> values;
    final boolean isArray;
    final int least;
    final int most;
    private volatile @Nullable Open open;

    /**
     * @param values by label of the name
     * @param most {@link Integer#MAX_VALUE} is no limit
     */
    public MemberSet(MemberNames names, List<Node> values, int least, int most) {
      this(names, values, false, least, most);
    }

    /** An array of different values. */
    public static MemberSet ofValues(MemberNames values, int least, int most) {
      Node nothing = new Sequence(List.of());
      return new MemberSet(
          values, Collections.nCopies(values.single(), nothing), true, least, most);
    }

    private MemberSet(MemberNames names, List<Node> values, boolean isArray, int least, int most) {
      this.names = names;
      this.values = List.copyOf(values);
      this.isArray = isArray;
      this.least = least;
      this.most = most;
    }

    /** Labels of members that can be; not to be changed. Fixed once productivity is known. */
    BitSet possible() {
      return open().possible;
    }

    /** How many names of open sets can be reached from a state of their automaton. */
    int openNames(ByteAutomaton automaton, int state) {
      return (automaton == names.first() ? open().first : open().later)[state];
    }

    private Open open() {
      Open known = open;
      if (known == null) {
        BitSet possible = new BitSet();
        for (int label = 0; label < values.size(); label++) {
          possible.set(label, values.get(label).isProductive());
        }
        known =
            new Open(
                possible,
                names.countOpen(names.first(), possible),
                names.countOpen(names.later(), possible));
        open = known;
      }
      return known;
    }

    /**
     * @param first by state of the first name's automaton
     * @param later by state of the later names'
     */
    private record Open(BitSet possible, int[] first, int[] later) {}
  }
}
