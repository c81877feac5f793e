package dev.millrace.gguf;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.ByteArrayOutputStream;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/** Builds GGUF bytes by hand, right and wrong ones alike. */
final class RawGguf {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();
  private final List<Field> fields = new ArrayList<>();

  /** Where a 4- or 8-byte number stands. */
  record Field(int at, int size) {}

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
    fields.add(new Field(bytes.size(), 4));
    return raw(little(4).putInt(value).array());
  }

  RawGguf i64(long value) {
    fields.add(new Field(bytes.size(), 8));
    return raw(little(8).putLong(value).array());
  }

  RawGguf string(String text) {
    return i64(text.getBytes(UTF_8).length).raw(text);
  }

  RawGguf key(String key, ValueType type) {
    return string(key).i32(type.id());
  }

  RawGguf array(ValueType type, long length) {
    return i32(type.id()).i64(length);
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

  byte[] bytes() {
    return bytes.toByteArray();
  }

  /** Of everything so far, in order. */
  List<Field> fields() {
    return fields;
  }

  MemorySegment segment() {
    return MemorySegment.ofArray(bytes());
  }

  GgufFile parse() {
    return GgufFile.of("test.gguf", segment());
  }

  private static ByteBuffer little(int size) {
    return ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN);
  }
}
