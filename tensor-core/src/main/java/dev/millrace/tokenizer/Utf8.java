package dev.millrace.tokenizer;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.BitSet;

/** Reading and making UTF-8. Readers trust their input: it was made by {@link #encode}. */
final class Utf8 {
  private static final byte[] REPLACEMENT = "\uFFFD".getBytes(StandardCharsets.UTF_8);

  private Utf8() {}

  /** The text's bytes; a surrogate without its partner becomes U+FFFD. */
  static byte[] encode(String text) {
    try {
      ByteBuffer encoded =
          StandardCharsets.UTF_8
              .newEncoder()
              .onMalformedInput(CodingErrorAction.REPLACE)
              .replaceWith(REPLACEMENT)
              .encode(CharBuffer.wrap(text));
      byte[] bytes = new byte[encoded.remaining()];
      encoded.get(bytes);
      return bytes;
    } catch (CharacterCodingException e) {
      throw new IllegalStateException("an encoder that replaces reported an error", e);
    }
  }

  /** Marks of a text's UTF-16 units, as marks of its bytes. */
  static BitSet unitsToBytes(String text, BitSet units) {
    BitSet bytes = new BitSet();
    int at = 0;
    for (int i = 0; i < text.length(); ) {
      int character = text.codePointAt(i); // a surrogate alone becomes U+FFFD: three bytes, too
      int end = at + (character < 0x80 ? 1 : character < 0x800 ? 2 : character < 0x10000 ? 3 : 4);
      bytes.set(at, end, units.get(i));
      at = end;
      i += Character.charCount(character);
    }
    return bytes;
  }

  /** Bytes of the character that starts with this one. */
  static int length(byte first) {
    if (first >= 0) {
      return 1;
    }
    int bits = first & 0xFF;
    return bits < 0xE0 ? 2 : bits < 0xF0 ? 3 : 4;
  }

  static int codePointAt(byte[] text, int at) {
    int first = text[at];
    return switch (length(text[at])) {
      case 1 -> first;
      case 2 -> (first & 0x1F) << 6 | low(text[at + 1]);
      case 3 -> (first & 0x0F) << 12 | low(text[at + 1]) << 6 | low(text[at + 2]);
      default ->
          (first & 0x07) << 18
              | low(text[at + 1]) << 12
              | low(text[at + 2]) << 6
              | low(text[at + 3]);
    };
  }

  /** Where the character before {@code at} starts. */
  static int previous(byte[] text, int at) {
    int start = at - 1;
    while (isContinuation(text[start])) {
      start--;
    }
    return start;
  }

  /** Bytes as a key for maps: one char (0 to 255) a byte, so any bytes are a key. */
  static String key(byte[] bytes, int from, int to) {
    return new String(bytes, from, to - from, StandardCharsets.ISO_8859_1);
  }

  static String key(byte[] bytes) {
    return key(bytes, 0, bytes.length);
  }

  private static boolean isContinuation(byte b) {
    return (b & 0xC0) == 0x80;
  }

  private static int low(byte b) {
    return b & 0x3F;
  }
}
