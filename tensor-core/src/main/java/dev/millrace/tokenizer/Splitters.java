package dev.millrace.tokenizer;

import static dev.millrace.tokenizer.CharacterClass.END;
import static dev.millrace.tokenizer.CharacterClass.LETTER;
import static dev.millrace.tokenizer.CharacterClass.MARK;
import static dev.millrace.tokenizer.CharacterClass.NUMBER;
import static dev.millrace.tokenizer.CharacterClass.OTHER;
import static dev.millrace.tokenizer.CharacterClass.PUNCTUATION;
import static dev.millrace.tokenizer.CharacterClass.SPACE;

/**
 * The regular expressions that tokenizers are trained with, as state machines: a regex engine may
 * recurse or backtrack on the text that an attacker chooses, these look at each character a bounded
 * number of times. Each is documented by the expression that it stands for.
 */
final class Splitters {
  private static final int VISIBLE = LETTER | NUMBER | MARK | PUNCTUATION | OTHER;

  private Splitters() {}

  /** {@code 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+} */
  static void gpt2(byte[] text, int from, int to, Splitter.Pieces pieces) {
    int symbols = VISIBLE & ~(LETTER | NUMBER);
    int at = from;
    while (at < to) {
      int end = contraction(text, at, to, false);
      if (end == at) {
        int body = text[at] == ' ' ? at + 1 : at;
        int first = CharacterClass.at(text, body, to);
        if ((first & (LETTER | NUMBER)) != 0) {
          end = CharacterClass.skip(text, body, to, first);
        } else if ((first & symbols) != 0) {
          end = CharacterClass.skip(text, body, to, symbols);
        } else {
          end = spaces(text, at, to);
        }
      }
      pieces.piece(at, end);
      at = end;
    }
  }

  /**
   * Llama 3's, Qwen's and GPT-4's kind: {@code
   * (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,n}|
   * ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+}
   *
   * @param maxDigits n
   * @param letters what stands for \p{L} in words and in what symbols aren't: LETTER, or with MARK
   */
  static Splitter gpt4(int maxDigits, int letters) {
    int symbols = VISIBLE & ~(letters | LETTER | NUMBER);
    return (text, from, to, pieces) -> {
      int at = from;
      while (at < to) {
        int end = contraction(text, at, to, true);
        if (end == at) {
          end = gpt4Piece(text, at, to, maxDigits, letters, symbols);
        }
        pieces.piece(at, end);
        at = end;
      }
    };
  }

  private static int gpt4Piece(
      byte[] text, int at, int to, int maxDigits, int letters, int symbols) {
    int first = CharacterClass.at(text, at, to);
    if ((first & letters) != 0) {
      return CharacterClass.skip(text, at, to, letters);
    }
    if (first == NUMBER) {
      int end = at;
      for (int n = 0; n < maxDigits && CharacterClass.at(text, end, to) == NUMBER; n++) {
        end += Utf8.length(text[end]);
      }
      return end;
    }
    int next = at + Utf8.length(text[at]);
    if (!isNewline(text[at]) && (CharacterClass.at(text, next, to) & letters) != 0) {
      return CharacterClass.skip(text, next, to, letters);
    }
    int body = text[at] == ' ' ? next : at;
    if ((CharacterClass.at(text, body, to) & symbols) != 0) {
      int end = CharacterClass.skip(text, body, to, symbols);
      while (end < to && isNewline(text[end])) {
        end++;
      }
      return end;
    }
    return spacesOrLines(text, at, to);
  }

  /** {@code \p{N}}, each a piece of its own; what is between them, too. */
  static void eachNumber(byte[] text, int from, int to, Splitter.Pieces pieces) {
    int start = from;
    int at = from;
    while (at < to) {
      int end = at + Utf8.length(text[at]);
      if (CharacterClass.at(text, at, to) == NUMBER) {
        piece(start, at, pieces);
        pieces.piece(at, end);
        start = end;
      }
      at = end;
    }
    piece(start, to, pieces);
  }

  /** {@code \p{N}+} */
  static void numbers(byte[] text, int from, int to, Splitter.Pieces pieces) {
    int at = from;
    while (at < to) {
      int end = CharacterClass.skip(text, at, to, ~NUMBER);
      piece(at, end, pieces);
      at = CharacterClass.skip(text, end, to, NUMBER);
      piece(end, at, pieces);
    }
  }

  /** {@code [0-9][0-9][0-9]} */
  static void threeDigits(byte[] text, int from, int to, Splitter.Pieces pieces) {
    int start = from;
    int at = from;
    while (at + 3 <= to) {
      if (isDigit(text[at]) && isDigit(text[at + 1]) && isDigit(text[at + 2])) {
        piece(start, at, pieces);
        pieces.piece(at, at + 3);
        at += 3;
        start = at;
      } else {
        at++;
      }
    }
    piece(start, to, pieces);
  }

  /**
   * {@code [\p{P}...]+}
   *
   * @param more characters of ASCII that count as well
   */
  static Splitter punctuation(String more) {
    return (text, from, to, pieces) -> {
      int start = from;
      boolean inside = false;
      for (int at = from; at < to; at += Utf8.length(text[at])) {
        boolean is =
            CharacterClass.at(text, at, to) == PUNCTUATION
                || (text[at] >= 0 && more.indexOf(text[at]) >= 0);
        if (is != inside) {
          piece(start, at, pieces);
          start = at;
          inside = is;
        }
      }
      piece(start, to, pieces);
    };
  }

  /** The end of {@code 's|'t|'re|'ve|'m|'ll|'d} at {@code at}; {@code at} where there is none. */
  private static int contraction(byte[] text, int at, int to, boolean ignoreCase) {
    if (text[at] != '\'' || at + 1 >= to) {
      return at;
    }
    int first = ignoreCase ? lower(text[at + 1]) : text[at + 1];
    if (first == 's' || first == 't' || first == 'm' || first == 'd') {
      return at + 2;
    }
    if (at + 2 >= to) {
      return at;
    }
    int second = ignoreCase ? lower(text[at + 2]) : text[at + 2];
    boolean is = second == 'e' ? first == 'r' || first == 'v' : second == 'l' && first == 'l';
    return is ? at + 3 : at;
  }

  /**
   * {@code \s+(?!\S)|\s+}: the whole run at the end of the text; else all but the last, which goes
   * to the next word; that one itself where it is alone.
   */
  private static int spaces(byte[] text, int at, int to) {
    int end = CharacterClass.skip(text, at, to, SPACE);
    if (CharacterClass.at(text, end, to) == END) {
      return end;
    }
    int last = Utf8.previous(text, end);
    return last > at ? last : end;
  }

  /** {@code \s*[\r\n]+|\s+(?!\S)|\s+} */
  private static int spacesOrLines(byte[] text, int at, int to) {
    int end = CharacterClass.skip(text, at, to, SPACE);
    for (int i = end; i > at; i--) {
      if (isNewline(text[i - 1])) {
        return i;
      }
    }
    return spaces(text, at, to);
  }

  private static void piece(int from, int to, Splitter.Pieces pieces) {
    if (from < to) {
      pieces.piece(from, to);
    }
  }

  private static boolean isNewline(byte b) {
    return b == '\r' || b == '\n';
  }

  private static boolean isDigit(byte b) {
    return b >= '0' && b <= '9';
  }

  private static int lower(byte b) {
    return b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b;
  }
}
