package dev.millrace.distribution;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.StandardCharsets;

/**
 * Texts out of model files, made safe for a terminal: whatever could move the cursor, hide, reorder
 * or fake text is shown by its number.
 */
final class Printable {
  private Printable() {}

  /** The text in double quotes, cut after so many characters. */
  static String quote(String text, int limit) {
    int end = text.offsetByCodePoints(0, Math.min(limit, text.codePointCount(0, text.length())));
    StringBuilder out = new StringBuilder("\"");
    text.substring(0, end).codePoints().forEach(character -> append(out, character));
    return out.append(end < text.length() ? "\"..." : "\"").toString();
  }

  /** Bytes that should be UTF-8, in double quotes; those that aren't show as {@code \xE2}. */
  static String quote(byte[] utf8) {
    StringBuilder out = new StringBuilder("\"");
    CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    ByteBuffer bytes = ByteBuffer.wrap(utf8);
    CharBuffer characters = CharBuffer.allocate(utf8.length);
    while (bytes.hasRemaining()) {
      CoderResult result = decoder.decode(bytes, characters.clear(), true);
      characters.flip().codePoints().forEach(character -> append(out, character));
      for (int i = 0; result.isError() && i < result.length(); i++) {
        out.append("\\x%02X".formatted(bytes.get()));
      }
    }
    return out.append('"').toString();
  }

  private static void append(StringBuilder out, int character) {
    switch (character) {
      case '"' -> out.append("\\\"");
      case '\\' -> out.append("\\\\");
      case '\n' -> out.append("\\n");
      case '\r' -> out.append("\\r");
      case '\t' -> out.append("\\t");
      default -> {
        if (isPlain(character)) {
          out.appendCodePoint(character);
        } else {
          out.append("\\u{%X}".formatted(character));
        }
      }
    }
  }

  private static boolean isPlain(int character) {
    return switch (Character.getType(character)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      default -> true;
    };
  }
}
