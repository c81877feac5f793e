package dev.millrace.grammar.machine;

import java.util.BitSet;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * One place of a stack: a node that has begun, how far it has come, and what goes on behind it.
 * Immutable; equal ones are the same object as long as one {@link States} makes them, so the cells
 * below are compared by identity.
 */
final class Cell {
  /** What is being read. */
  enum Phase {
    /** A part, whatever the node's parts are: of an object the value, of an array the item. */
    PART,
    /** The bracket or brace that opens. */
    OPENING,
    /** An object's member up to the colon. */
    NAME,
    /** An array's comma. */
    COMMA
  }

  private static final BitSet NO_LABELS = new BitSet();

  final Node node;
  final Phase phase;

  /**
   * Sequence: the next part. Repeat: how often it is done when this part is. ItemList and
   * MemberSet: items or members begun. Counts stop growing where more makes no difference.
   */
  final int count;

  /** MemberSet: labels of single names that are used. Not to be changed. */
  final BitSet used;

  /** MemberSet: names of open sets that are used, and what is read of the next one. */
  final NameText names;

  /** Null at the bottom. */
  final @Nullable Cell below;

  private final int hash;

  Cell(Node node, Phase phase, int count, @Nullable Cell below) {
    this(node, phase, count, NO_LABELS, NameText.NONE, below);
  }

  Cell(Node node, Phase phase, int count, BitSet used, NameText names, @Nullable Cell below) {
    this.node = node;
    this.phase = phase;
    this.count = count;
    this.used = used;
    this.names = names;
    this.below = below;
    int self = Objects.hash(System.identityHashCode(node), phase.ordinal(), count, used, names);
    this.hash = self + 31 * (below == null ? 0 : below.hash);
  }

  /** The same object, elsewhere in it. */
  Cell with(Phase next, NameText text) {
    return new Cell(node, next, count, used, text, below);
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return this == other
        || other instanceof Cell cell
            && node == cell.node
            && phase == cell.phase
            && count == cell.count
            && below == cell.below
            && used.equals(cell.used)
            && names.equals(cell.names);
  }

  @Override
  public int hashCode() {
    return hash;
  }
}
