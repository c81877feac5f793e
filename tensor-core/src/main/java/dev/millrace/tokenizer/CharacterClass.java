package dev.millrace.tokenizer;

/**
 * What the pre-tokenizers ask of a character, as one bit each. Categories are Unicode's; SPACE is
 * its White_Space property (regex \s in Rust and Python), which {@link Character#isWhitespace}
 * isn't.
 */
final class CharacterClass {
  /** Past the end of the text. */
  static final int END = 0;

  /** \p{L} */
  static final int LETTER = 1;

  /** \p{N} */
  static final int NUMBER = 2;

  /** \p{M} */
  static final int MARK = 4;

  /** \p{P} */
  static final int PUNCTUATION = 8;

  /** \s */
  static final int SPACE = 16;

  static final int OTHER = 32;

  private static final int[] ASCII = new int[128];

  static {
    for (int c = 0; c < ASCII.length; c++) {
      ASCII[c] = classify(c);
    }
  }

  private CharacterClass() {}

  /** The class of the character at {@code at}, {@link #END} from {@code to} on. */
  static int at(byte[] text, int at, int to) {
    if (at >= to) {
      return END;
    }
    return text[at] >= 0 ? ASCII[text[at]] : classify(Utf8.codePointAt(text, at));
  }

  /**
   * The end of the run of characters, from {@code at} on, whose class is one of {@code classes}.
   */
  static int skip(byte[] text, int at, int to, int classes) {
    int end = at;
    while ((at(text, end, to) & classes) != 0) {
      end += Utf8.length(text[end]);
    }
    return end;
  }

  private static int classify(int codePoint) {
    if (isSpace(codePoint)) {
      return SPACE;
    }
    return switch (Character.getType(codePoint)) {
      case Character.UPPERCASE_LETTER,
          Character.LOWERCASE_LETTER,
          Character.TITLECASE_LETTER,
          Character.MODIFIER_LETTER,
          Character.OTHER_LETTER ->
          LETTER;
      case Character.DECIMAL_DIGIT_NUMBER, Character.LETTER_NUMBER, Character.OTHER_NUMBER ->
          NUMBER;
      case Character.NON_SPACING_MARK, Character.COMBINING_SPACING_MARK, Character.ENCLOSING_MARK ->
          MARK;
      case Character.CONNECTOR_PUNCTUATION,
          Character.DASH_PUNCTUATION,
          Character.START_PUNCTUATION,
          Character.END_PUNCTUATION,
          Character.INITIAL_QUOTE_PUNCTUATION,
          Character.FINAL_QUOTE_PUNCTUATION,
          Character.OTHER_PUNCTUATION ->
          PUNCTUATION;
      default -> OTHER;
    };
  }

  private static boolean isSpace(int c) {
    return (c >= 0x09 && c <= 0x0D)
        || c == 0x20
        || c == 0x85
        || c == 0xA0
        || c == 0x1680
        || (c >= 0x2000 && c <= 0x200A)
        || c == 0x2028
        || c == 0x2029
        || c == 0x202F
        || c == 0x205F
        || c == 0x3000;
  }
}
