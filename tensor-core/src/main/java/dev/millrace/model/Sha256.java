package dev.millrace.model;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 in lower-case hex, as models' fingerprints have it. */
public final class Sha256 {
  private static final int HASHED_AT_ONCE = 1 << 16;

  private Sha256() {}

  /** Of bytes of any length, a mapped file's for example; about a second per GB. */
  public static String of(MemorySegment bytes) {
    MessageDigest digest;
    try {
      digest = MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
    byte[] buffer = new byte[HASHED_AT_ONCE];
    for (long at = 0; at < bytes.byteSize(); at += buffer.length) {
      int count = (int) Math.min(buffer.length, bytes.byteSize() - at);
      MemorySegment.copy(bytes, ValueLayout.JAVA_BYTE, at, buffer, 0, count);
      digest.update(buffer, 0, count);
    }
    return HexFormat.of().formatHex(digest.digest());
  }

  /** Of a text's UTF-8. */
  public static String of(String text) {
    return of(MemorySegment.ofArray(text.getBytes(UTF_8)));
  }
}
