package dev.millrace.tokenizer;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Finds tokens that are read from text whole: user-defined ones always, control and unknown ones
 * only where special tokens are parsed. The longest tokens take their places first, wherever they
 * are; among equally long ones the leftmost. Costs one pass over the text for each different
 * length, of which there are at most {@link Vocabulary#MAX_TOKEN_BYTES}.
 */
final class SpecialTokenSplitter {
  /** A stretch of the text: a token, or with {@link #TEXT} what is left to encode. */
  record Fragment(int token, int from, int to) {
    static final int TEXT = -1;
  }

  private final List<LengthClass> always = new ArrayList<>();
  private final List<LengthClass> withSpecial = new ArrayList<>();

  SpecialTokenSplitter(Vocabulary vocabulary) {
    fill(always, vocabulary, false);
    fill(withSpecial, vocabulary, true);
  }

  /** The fragments of the text, in order, none of them empty. */
  List<Fragment> split(byte[] text, boolean parseSpecial) {
    return split(text, parseSpecial ? withSpecial : always, null);
  }

  /**
   * The same with special tokens where all of their bytes are marked.
   *
   * @param special by the text's bytes
   */
  List<Fragment> split(byte[] text, BitSet special) {
    return split(text, withSpecial, special);
  }

  private static List<Fragment> split(
      byte[] text, List<LengthClass> classes, @Nullable BitSet special) {
    List<Fragment> fragments = new ArrayList<>();
    if (text.length > 0) {
      fragments.add(new Fragment(Fragment.TEXT, 0, text.length));
    }
    for (LengthClass tokens : classes) {
      List<Fragment> cut = new ArrayList<>();
      for (Fragment fragment : fragments) {
        if (fragment.token() == Fragment.TEXT) {
          tokens.cut(text, fragment, special, cut);
        } else {
          cut.add(fragment);
        }
      }
      fragments = cut;
    }
    return fragments;
  }

  private static void fill(List<LengthClass> classes, Vocabulary vocabulary, boolean special) {
    NavigableMap<Integer, LengthClass> byLength = new TreeMap<>();
    for (int id = 0; id < vocabulary.size(); id++) {
      TokenType type = vocabulary.types().get(id);
      boolean read = type == TokenType.USER_DEFINED || (special && type.isSpecial());
      if (read && !vocabulary.texts().get(id).isEmpty()) {
        byte[] text = vocabulary.utf8(id);
        byLength.computeIfAbsent(text.length, LengthClass::new).add(id, text, type);
      }
    }
    classes.addAll(byLength.descendingMap().values());
  }

  /** The tokens of one length in bytes. */
  private static final class LengthClass {
    private final int length;
    private final Map<String, Integer> ids = new HashMap<>();
    private final Set<Integer> special = new HashSet<>();
    private final boolean[] firstBytes = new boolean[256];

    LengthClass(int length) {
      this.length = length;
    }

    void add(int id, byte[] text, TokenType type) {
      ids.put(Utf8.key(text), id);
      if (type.isSpecial()) {
        special.add(id);
      }
      firstBytes[text[0] & 0xFF] = true;
    }

    /**
     * @param marks where special tokens are read; null is everywhere
     */
    void cut(byte[] text, Fragment fragment, @Nullable BitSet marks, List<Fragment> into) {
      int start = fragment.from();
      int at = start;
      while (at + length <= fragment.to()) {
        Integer id = firstBytes[text[at] & 0xFF] ? ids.get(Utf8.key(text, at, at + length)) : null;
        if (id == null || !isAllowed(id, at, marks)) {
          at++;
          continue;
        }
        addText(start, at, into);
        at += length;
        into.add(new Fragment(id, at - length, at));
        start = at;
      }
      addText(start, fragment.to(), into);
    }

    private boolean isAllowed(int id, int at, @Nullable BitSet marks) {
      return marks == null
          || !special.contains(id)
          || marks.get(at, at + length).cardinality() == length;
    }

    private static void addText(int from, int to, List<Fragment> into) {
      if (from < to) {
        into.add(new Fragment(Fragment.TEXT, from, to));
      }
    }
  }
}
