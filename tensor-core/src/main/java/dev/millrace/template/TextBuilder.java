package dev.millrace.template;

import java.util.BitSet;

/** Puts texts together, keeping who wrote what. Counts what it makes. */
final class TextBuilder {
  private final Budget budget;
  private final StringBuilder characters = new StringBuilder();
  private final BitSet byData = new BitSet();

  TextBuilder(Budget budget) {
    this.budget = budget;
  }

  int length() {
    return characters.length();
  }

  TextBuilder append(Text text) {
    return append(text, 0, text.value().length());
  }

  /** A part, by UTF-16 indices. */
  TextBuilder append(Text text, int from, int to) {
    int at = characters.length();
    append(text.value(), from, to);
    BitSet marks = text.byData();
    if (marks != null) {
      BitSet part = marks.get(from, to); // whose search for the next bit ends with the part
      for (int begin = part.nextSetBit(0); begin >= 0; ) {
        int end = part.nextClearBit(begin);
        byData.set(at + begin, at + end);
        begin = part.nextSetBit(end);
      }
    }
    return this;
  }

  /** What the template wrote, or what is as good as that. */
  TextBuilder append(String text) {
    append(text, 0, text.length());
    return this;
  }

  /** What data's shape decides: punctuation of a list's text, say. */
  TextBuilder appendData(String text) {
    int at = characters.length();
    append(text, 0, text.length());
    byData.set(at, characters.length());
    return this;
  }

  private void append(String text, int from, int to) {
    budget.make(to - from);
    characters.append(text, from, to);
  }

  Text toText() {
    return new Text(
        characters.toString(), byData.isEmpty() ? null : (BitSet) byData.clone(), false);
  }
}
