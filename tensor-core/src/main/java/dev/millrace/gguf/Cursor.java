package dev.millrace.gguf;

import static java.nio.ByteOrder.LITTLE_ENDIAN;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.millrace.model.ModelFormatException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Reads little-endian values off a file's bytes, front to back. Every read is checked against the
 * bytes that are left before anything is allocated, and every failure names what was being read.
 */
final class Cursor {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

  /** Characters of a file's own text that a message shows. */
  private static final int SHOWN_CHARACTERS = 80;

  private final String file;
  private final MemorySegment bytes;
  private long position;
  private String subject = "header";

  Cursor(String file, MemorySegment bytes) {
    this.file = file;
    this.bytes = bytes;
  }

  /** Says what the next reads are about, for messages: "metadata key general.name". */
  void reading(String what) {
    subject = what;
  }

  long position() {
    return position;
  }

  long remaining() {
    return bytes.byteSize() - position;
  }

  byte i8() {
    return bytes.get(ValueLayout.JAVA_BYTE, take(1));
  }

  short i16() {
    return bytes.get(SHORT, take(2));
  }

  int i32() {
    return bytes.get(INT, take(4));
  }

  long i64() {
    return bytes.get(LONG, take(8));
  }

  /** A uint64 that counts something; beyond 2⁶³ − 1 it is refused. */
  long count(String what) {
    long value = i64();
    if (value < 0) {
      throw fault(what + " " + Long.toUnsignedString(value) + " is too large");
    }
    return value;
  }

  /** A string's bytes, of which there may be at most {@code limit}. */
  byte[] stringBytes(long limit) {
    long length = count("string length");
    if (length > limit) {
      throw fault("string of " + length + " bytes; at most " + limit + " are allowed");
    }
    byte[] string = new byte[(int) length(length)];
    MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, position, string, 0, string.length);
    position += length;
    return string;
  }

  /** A name: well-formed UTF-8, since others look it up by equality. */
  String name(int limit) {
    byte[] raw = stringBytes(limit);
    String name = new String(raw, UTF_8);
    if (!Arrays.equals(raw, name.getBytes(UTF_8))) {
      throw fault("name " + printable(name) + " isn't UTF-8");
    }
    return name;
  }

  ModelFormatException fault(String problem) {
    return new ModelFormatException(
        file + ": " + subject + ": " + problem + " (at byte " + position + ")");
  }

  /** Text out of a file, fit for a message: short, without control characters. */
  static String printable(String text) {
    StringBuilder shown = new StringBuilder();
    for (int i = 0; i < text.length() && i < SHOWN_CHARACTERS; i++) {
      char c = text.charAt(i);
      shown.append(Character.isISOControl(c) ? '\uFFFD' : c);
    }
    return text.length() > SHOWN_CHARACTERS ? shown + "..." : shown.toString();
  }

  private long take(int size) {
    length(size);
    long at = position;
    position += size;
    return at;
  }

  private long length(long size) {
    if (size > remaining()) {
      throw fault("needs " + size + " bytes, the file has " + remaining() + " left");
    }
    return size;
  }
}
