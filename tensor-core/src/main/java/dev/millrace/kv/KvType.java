package dev.millrace.kv;

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
}
