package dev.millrace.kernel.emitted;

import dev.millrace.kernel.ActivationPrecision;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Constants that emitted code reads from memory, at byte offsets from {@link #ADDRESS}; each fills
 * a whole vector.
 */
final class Constants {
  private static final int VECTOR_BYTES = 64;

  /** int16 1. */
  static final int ONES = 0;

  /** 0x0F in each byte. */
  static final int NIBBLES = 64;

  /** 0x7FFFFFFF: all of a float but its sign. */
  static final int MAGNITUDES = 128;

  static final int NANS = 192;

  /** Floats 127 and 32,767: the largest rounded activations. */
  private static final int LARGEST_VALUES = 256;

  /** 0x00FF: the even bytes as 16-bit numbers. */
  static final int EVEN_BYTES = 384;

  /** 0x80 in each byte: turns signed bytes into unsigned ones, 128 higher. */
  static final int SIGN_BITS = 448;

  /** Where a nibble's fifth bit goes in each byte, and its fifth and sixth. */
  private static final int HIGH_BITS = 512;

  /** What sums are multiplied with: the two vectors of EmittedRows' integers. */
  static final int SUM_FACTORS = 640;

  private static final int BYTES = 768;

  static final long ADDRESS;

  static {
    MemorySegment data = Arena.global().allocate(BYTES, 64);
    fill(data, ONES, 0x00010001);
    fill(data, NIBBLES, 0x0F0F0F0F);
    fill(data, MAGNITUDES, 0x7FFFFFFF);
    fill(data, NANS, Float.floatToRawIntBits(Float.NaN));
    for (ActivationPrecision precision : ActivationPrecision.values()) {
      fill(data, largest(precision), Float.floatToRawIntBits(precision.largest()));
    }
    fill(data, EVEN_BYTES, 0x00FF00FF);
    fill(data, SIGN_BITS, 0x80808080);
    fill(data, highBits(1), 0x10101010);
    fill(data, highBits(2), 0x30303030);
    for (int i = 0; i < EmittedRows.SUM_FACTORS.length; i++) {
      data.set(
          ValueLayout.JAVA_INT, SUM_FACTORS + (long) i * Integer.BYTES, EmittedRows.SUM_FACTORS[i]);
    }
    ADDRESS = data.address();
  }

  private Constants() {}

  /** The largest rounded activation, as a float. */
  static int largest(ActivationPrecision precision) {
    return LARGEST_VALUES + precision.ordinal() * VECTOR_BYTES;
  }

  /** Where {@code bits} bits above a nibble go, in each byte. */
  static int highBits(int bits) {
    return HIGH_BITS + (bits - 1) * VECTOR_BYTES;
  }

  private static void fill(MemorySegment data, int offset, int pattern) {
    for (int i = 0; i < 16; i++) {
      data.set(ValueLayout.JAVA_INT, offset + (long) i * Integer.BYTES, pattern);
    }
  }
}
