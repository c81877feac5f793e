package dev.millrace.tokenizer;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * How byte-level BPE files spell bytes: a visible Latin-1 character stands for its own byte, the
 * other 68 bytes are U+0100 upwards, ascending (GPT-2's bytes_to_unicode).
 */
final class ByteAlphabet {
  private static final int FIRST_STAND_IN = 0x100;
  private static final int LETTERS = FIRST_STAND_IN + 68;

  // BYTES[c]: the byte that character c stands for; -1 for none.
  private static final short[] BYTES = new short[LETTERS];

  private static final char[] SPELLINGS = new char[256];

  static {
    Arrays.fill(BYTES, (short) -1);
    char standIn = FIRST_STAND_IN;
    for (short b = 0; b < 256; b++) {
      boolean visible = (b > ' ' && b < 0x7F) || (b > 0xA0 && b != 0xAD);
      SPELLINGS[b] = visible ? (char) b : standIn++;
      BYTES[SPELLINGS[b]] = b;
    }
  }

  private ByteAlphabet() {}

  /** The bytes that a token's text spells; null if it has characters of no meaning here. */
  static byte @Nullable [] decode(String text) {
    byte[] bytes = new byte[text.length()];
    for (int i = 0; i < bytes.length; i++) {
      char c = text.charAt(i);
      if (c >= LETTERS || BYTES[c] < 0) {
        return null;
      }
      bytes[i] = (byte) BYTES[c];
    }
    return bytes;
  }

  /** How a file spells these bytes. */
  static String spell(byte[] bytes, int from, int to) {
    char[] text = new char[to - from];
    for (int i = 0; i < text.length; i++) {
      text[i] = SPELLINGS[bytes[from + i] & 0xFF];
    }
    return new String(text);
  }
}
