package dev.millrace.template;

/** Where a text stands in another one, in time that is linear whatever they are. */
final class Search {
  private static final int SHORT = 64;

  private Search() {}

  /** In UTF-16 units; -1 if it doesn't. */
  static int indexOf(String text, String part, int from, Budget budget) {
    int at =
        part.length() <= SHORT
            ? text.indexOf(part, from)
            : knuthMorrisPratt(text, part, from, budget);
    budget.read((at < 0 ? text.length() : at) - from);
    return at;
  }

  private static int knuthMorrisPratt(String text, String part, int from, Budget budget) {
    budget.make(part.length());
    int[] border = new int[part.length() + 1]; // longest proper border of each prefix
    border[0] = -1;
    for (int i = 0, b = -1; i < part.length(); ) {
      while (b >= 0 && part.charAt(i) != part.charAt(b)) {
        b = border[b];
      }
      border[++i] = ++b;
    }
    for (int i = from, matched = 0; i < text.length(); i++) {
      while (matched >= 0 && text.charAt(i) != part.charAt(matched)) {
        matched = border[matched];
      }
      if (++matched == part.length()) {
        return i + 1 - matched;
      }
    }
    return -1;
  }
}
