package dev.millrace.kernel.emitted;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Constants that emitted code reads from memory, at byte offsets from {@link #ADDRESS}; each fills
 * a whole vector.
 */
final class Constants {
  /** int16 1. */
  static final int ONES = 0;

  /** 0x0F in each byte. */
  static final int NIBBLES = 64;

  /** 0x7FFFFFFF: all of a float but its sign. */
  static final int MAGNITUDES = 128;

  /** Float 127: the largest rounded activation. */
  static final int LARGEST_VALUE = 192;

  static final int NANS = 256;

  static final long ADDRESS;

  static {
    MemorySegment data = Arena.global().allocate(320, 64);
    fill(data, ONES, 0x00010001);
    fill(data, NIBBLES, 0x0F0F0F0F);
    fill(data, MAGNITUDES, 0x7FFFFFFF);
    fill(data, LARGEST_VALUE, Float.floatToRawIntBits(127f));
    fill(data, NANS, Float.floatToRawIntBits(Float.NaN));
    ADDRESS = data.address();
  }

  private Constants() {}

  private static void fill(MemorySegment data, int offset, int pattern) {
    for (int i = 0; i < 16; i++) {
      data.set(ValueLayout.JAVA_INT, offset + (long) i * Integer.BYTES, pattern);
    }
  }
}
