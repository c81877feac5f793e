package dev.millrace.kernel.emitted;

import dev.millrace.kernel.Functions;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * What attention, norms and gates read from memory, at byte offsets from {@link #ADDRESS}: each
 * constant fills a whole vector.
 */
final class StepConstants {
  static final int ONE = 0;
  static final int EXP_LOWEST = 64;
  static final int EXP_HIGHEST = 2 * 64;
  static final int LOG2_E = 3 * 64;
  static final int ROUNDER = 4 * 64;
  static final int MINUS_LN2_HIGH = 5 * 64;
  static final int MINUS_LN2_LOW = 6 * 64;

  /** EXP_2 to EXP_6, one after the other. */
  static final int EXP_2 = 7 * 64;

  static final int EXP_6 = 11 * 64;

  /** int32 127: a float's exponent bias. */
  static final int BIAS = 12 * 64;

  /** The sign bit of each float. */
  static final int SIGNS = 13 * 64;

  /** The sign bit of each even float. */
  static final int EVEN_SIGNS = 14 * 64;

  /** All of a float but its sign. */
  static final int MAGNITUDES = 15 * 64;

  static final int INFINITY = 16 * 64;

  /** 32 × all bits, then 32 × none: the mask of the first n of 32 lanes begins at lane 32 − n. */
  static final int FIRST_LANES = 17 * 64;

  /** 32 × 0, then 32 × −∞, to be read at the same place. */
  static final int MINUS_INFINITY_AFTER = FIRST_LANES + 2 * 32 * Float.BYTES;

  private static final int BYTES = MINUS_INFINITY_AFTER + 2 * 32 * Float.BYTES;

  static final long ADDRESS;

  static {
    MemorySegment data = Arena.global().allocate(BYTES, 64);
    fill(data, ONE, 1f);
    fill(data, EXP_LOWEST, Functions.EXP_LOWEST);
    fill(data, EXP_HIGHEST, Functions.EXP_HIGHEST);
    fill(data, LOG2_E, Functions.LOG2_E);
    fill(data, ROUNDER, Functions.ROUNDER);
    fill(data, MINUS_LN2_HIGH, -Functions.LN2_HIGH);
    fill(data, MINUS_LN2_LOW, -Functions.LN2_LOW);
    fill(data, EXP_2, Functions.EXP_2);
    fill(data, EXP_2 + 64, Functions.EXP_3);
    fill(data, EXP_2 + 2 * 64, Functions.EXP_4);
    fill(data, EXP_2 + 3 * 64, Functions.EXP_5);
    fill(data, EXP_6, Functions.EXP_6);
    fill(data, BIAS, Float.intBitsToFloat(127));
    fill(data, SIGNS, -0f);
    for (int i = 0; i < 16; i += 2) {
      data.set(ValueLayout.JAVA_FLOAT, EVEN_SIGNS + (long) i * Float.BYTES, -0f);
    }
    fill(data, MAGNITUDES, Float.intBitsToFloat(0x7FFFFFFF));
    fill(data, INFINITY, Float.POSITIVE_INFINITY);
    for (int i = 0; i < 32; i++) {
      long low = (long) i * Float.BYTES;
      long high = low + 32 * Float.BYTES;
      data.set(ValueLayout.JAVA_INT, FIRST_LANES + low, -1);
      data.set(ValueLayout.JAVA_FLOAT, MINUS_INFINITY_AFTER + high, Float.NEGATIVE_INFINITY);
    }
    ADDRESS = data.address();
  }

  private StepConstants() {}

  private static void fill(MemorySegment data, int offset, float value) {
    int bits = Float.floatToRawIntBits(value);
    for (int i = 0; i < 16; i++) {
      data.set(ValueLayout.JAVA_INT, offset + (long) i * Integer.BYTES, bits);
    }
  }
}
