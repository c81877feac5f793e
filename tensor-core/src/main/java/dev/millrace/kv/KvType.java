package dev.millrace.kv;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/** What keys and values are rounded to when they are stored, to nearest, ties to even. */
public enum KvType {
  F32(Float.BYTES),
  F16(Short.BYTES);

  private final int bytes;

  KvType(int bytes) {
    this.bytes = bytes;
  }

  /** Of one number. */
  public int bytes() {
    return bytes;
  }

  /** The names that {@link #named} knows: "f32", "f16". */
  public static List<String> names() {
    return Arrays.stream(values()).map(type -> type.name().toLowerCase(Locale.ROOT)).toList();
  }

  /**
   * @throws IllegalArgumentException if there is none of that name
   */
  public static KvType named(String name) {
    return valueOf(name.toUpperCase(Locale.ROOT));
  }
}
