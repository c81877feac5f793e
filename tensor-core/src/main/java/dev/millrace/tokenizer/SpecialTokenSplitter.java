package dev.millrace.tokenizer;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.TreeMap;

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
    List<Fragment> fragments = new ArrayList<>();
    if (text.length > 0) {
      fragments.add(new Fragment(Fragment.TEXT, 0, text.length));
    }
    for (LengthClass tokens : parseSpecial ? withSpecial : always) {
      List<Fragment> cut = new ArrayList<>();
      for (Fragment fragment : fragments) {
        if (fragment.token() == Fragment.TEXT) {
          tokens.cut(text, fragment, cut);
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
        byLength.computeIfAbsent(text.length, LengthClass::new).add(id, text);
      }
    }
    classes.addAll(byLength.descendingMap().values());
  }

  /** The tokens of one length in bytes. */
  private static final class LengthClass {
    private final int length;
    private final Map<String, Integer> ids = new HashMap<>();
    private final boolean[] firstBytes = new boolean[256];

    LengthClass(int length) {
      this.length = length;
    }

    void add(int id, byte[] text) {
      ids.put(Utf8.key(text), id);
      firstBytes[text[0] & 0xFF] = true;
    }

    void cut(byte[] text, Fragment fragment, List<Fragment> into) {
      int start = fragment.from();
      int at = start;
      while (at + length <= fragment.to()) {
        Integer id = firstBytes[text[at] & 0xFF] ? ids.get(Utf8.key(text, at, at + length)) : null;
        if (id == null) {
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

    private static void addText(int from, int to, List<Fragment> into) {
      if (from < to) {
        into.add(new Fragment(Fragment.TEXT, from, to));
      }
    }
  }
}
