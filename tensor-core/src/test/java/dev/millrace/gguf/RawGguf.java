package dev.millrace.gguf;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/** Builds GGUF bytes by hand, right and wrong ones alike. */
final class RawGguf {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  static RawGguf header(int version, long tensors, long keys) {
    return new RawGguf().raw("GGUF").i32(version).i64(tensors).i64(keys);
  }

  static RawGguf keys(long keys) {
    return header(3, 0, keys);
  }

  RawGguf raw(String text) {
    bytes.writeBytes(text.getBytes(UTF_8));
    return this;
  }

  RawGguf raw(byte... raw) {
    bytes.writeBytes(raw);
    return this;
  }

  RawGguf i8(int value) {
    bytes.write(value);
    return this;
  }

  RawGguf i16(int value) {
    return raw(little(2).putShort((short) value).array());
  }

  RawGguf i32(int value) {
    return raw(little(4).putInt(value).array());
  }

  RawGguf i64(long value) {
    return raw(little(8).putLong(value).array());
  }

  RawGguf string(String text) {
    return i64(text.getBytes(UTF_8).length).raw(text);
  }

  RawGguf key(String key, ValueType type) {
    return string(key).i32(type.ordinal());
  }

  RawGguf array(ValueType type, long length) {
    return i32(type.ordinal()).i64(length);
  }

  /** Dimensions innermost first, as in the file. */
  RawGguf tensor(String name, int type, long offset, long... dimensions) {
    string(name).i32(dimensions.length);
    for (long each : dimensions) {
      i64(each);
    }
    return i32(type).i64(offset);
  }

  /** Zeros up to the next multiple of 32. */
  RawGguf align() {
    return raw(new byte[-bytes.size() & 31]);
  }

  MemorySegment segment() {
    return MemorySegment.ofArray(bytes.toByteArray());
  }

  GgufFile parse() {
    return GgufFile.of("test.gguf", segment());
  }

  private static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
