package dev.millrace.tokenizer;

import java.util.Random;

/** Texts that tokenizers stumble over. */
final class RandomTexts {
  private static final String[] PIECES = {
    " ",
    "  ",
    "     ",
    "\t",
    "\n",
    "\n\n",
    "\r\n",
    " \n ",
    "\u00a0",
    "\u3000",
    "\u2028",
    "\u0085",
    "the",
    "Hello",
    "world",
    "CAFÉ",
    "straße",
    "naïve",
    "'s",
    "'ll",
    "'RE",
    "'ve",
    "'x",
    "don't",
    "1",
    "23",
    "456",
    "7890",
    "½",
    "Ⅷ",
    "٣٤",
    ".",
    ",",
    "...",
    "!?",
    "==",
    "+=",
    "<|",
    "|>",
    "$x",
    "`",
    "~^",
    "_",
    "\"",
    "你好",
    "世界",
    "日本",
    "ไทย",
    "हिन्दी",
    "한국어",
    "العربية",
    "e\u0301",
    "\u0301",
    "🦙",
    "👨\u200d👩\u200d👧",
    "🇩🇪",
    "☕\ufe0f",
    "\u200b",
    "\ufeff",
    "▁",
    "\u0000",
  };

  private RandomTexts() {}

  /**
   * Up to {@code maxPieces} pieces: words, spaces, signs, and one in eight any character at all.
   */
  static String next(Random random, int maxPieces) {
    StringBuilder text = new StringBuilder();
    for (int i = random.nextInt(maxPieces + 1); i > 0; i--) {
      if (random.nextInt(8) == 0) {
        text.appendCodePoint(codePoint(random));
      } else {
        text.append(PIECES[random.nextInt(PIECES.length)]);
      }
    }
    return text.toString();
  }

  /** Any character but a surrogate, half of them from the basic plane. */
  static int codePoint(Random random) {
    int c = random.nextInt(random.nextBoolean() ? 0x10000 : 0x110000);
    return c >= Character.MIN_SURROGATE && c <= Character.MAX_SURROGATE ? '?' : c;
  }

  /** For messages. */
  static String escape(String text) {
    StringBuilder escaped = new StringBuilder();
    text.codePoints()
        .forEach(
            c -> escaped.append(c >= ' ' && c < 0x7F ? "" + (char) c : "\\u{%x}".formatted(c)));
    return escaped.toString();
  }
}
