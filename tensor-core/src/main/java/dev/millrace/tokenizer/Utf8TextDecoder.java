package dev.millrace.tokenizer;

/**
 * Decodes UTF-8 as it arrives. What can't become a character comes out as U+FFFD, one for each
 * longest start of a character ("maximal subpart", Unicode 3.9; also what Python's
 * bytes.decode('utf-8', 'replace') and the WHATWG's decoder do).
 */
final class Utf8TextDecoder implements TextDecoder {
  private static final char REPLACEMENT = '\uFFFD';

  private final Tokenizer tokenizer;
  private final boolean skipSpecial;
  private boolean dropSpace;

  // The character under way: its bits so far, bytes still missing, and what the next may be.
  private int codePoint;
  private int missing;
  private int lowest = 0x80;
  private int highest = 0xBF;

  /**
   * @param dropSpace whether a space at the very beginning isn't part of the text
   */
  Utf8TextDecoder(Tokenizer tokenizer, boolean skipSpecial, boolean dropSpace) {
    this.tokenizer = tokenizer;
    this.skipSpecial = skipSpecial;
    this.dropSpace = dropSpace;
  }

  @Override
  public String add(int id) {
    if (skipSpecial && tokenizer.isSpecial(id)) {
      return "";
    }
    byte[] piece = tokenizer.piece(id);
    StringBuilder text = new StringBuilder(piece.length);
    int from = dropSpace && piece.length > 0 && piece[0] == ' ' ? 1 : 0;
    dropSpace = dropSpace && piece.length == 0;
    for (int i = from; i < piece.length; i++) {
      add(piece[i] & 0xFF, text);
    }
    return text.toString();
  }

  @Override
  public String finish() {
    if (missing == 0) {
      return "";
    }
    reset();
    return String.valueOf(REPLACEMENT);
  }

  private void add(int b, StringBuilder text) {
    if (missing > 0) {
      if (b >= lowest && b <= highest) {
        lowest = 0x80;
        highest = 0xBF;
        codePoint = codePoint << 6 | b & 0x3F;
        missing--;
        if (missing == 0) {
          text.appendCodePoint(codePoint);
        }
        return;
      }
      text.append(REPLACEMENT);
      reset();
    }
    if (b < 0x80) {
      text.append((char) b);
    } else if (b >= 0xC2 && b <= 0xDF) {
      begin(b & 0x1F, 1);
    } else if (b >= 0xE0 && b <= 0xEF) {
      begin(b & 0x0F, 2);
      lowest = b == 0xE0 ? 0xA0 : 0x80; // No overlong forms,
      highest = b == 0xED ? 0x9F : 0xBF; // no surrogates,
    } else if (b >= 0xF0 && b <= 0xF4) {
      begin(b & 0x07, 3);
      lowest = b == 0xF0 ? 0x90 : 0x80;
      highest = b == 0xF4 ? 0x8F : 0xBF; // nothing past U+10FFFF.
    } else {
      text.append(REPLACEMENT);
    }
  }

  private void begin(int bits, int more) {
    codePoint = bits;
    missing = more;
  }

  private void reset() {
    missing = 0;
    lowest = 0x80;
    highest = 0xBF;
  }
}
