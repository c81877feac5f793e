package dev.millrace.grammar.machine;

import java.util.ArrayList;
import java.util.List;

/**
 * Names of an object's members as bytes, one in a char: those that are used and have no label of
 * their own, and what has been read of the next one. Each from its first quote to its last.
 */
record NameText(List<String> used, String partial) {
  static final NameText NONE = new NameText(List.of(), "");

  /** Reads a byte; what comes before the quote (a comma, a space) is left out. */
  NameText read(int next) {
    boolean counts = !partial.isEmpty() || next == '"';
    return counts ? new NameText(used, partial + (char) next) : this;
  }

  /** The name is read, with its colon. */
  NameText finish(boolean remember) {
    if (!remember) {
      return new NameText(used, "");
    }
    List<String> more = new ArrayList<>(used);
    more.add(partial.substring(0, partial.lastIndexOf('"') + 1));
    return new NameText(List.copyOf(more), "");
  }

  /** How many of the used names begin with what has been read. */
  int usedWithThisBegin() {
    int count = 0;
    for (String name : used) {
      count += name.startsWith(partial) ? 1 : 0;
    }
    return count;
  }
}
