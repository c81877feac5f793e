package dev.millrace.synthetic;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Fills tensors with random values, written in the tensor's own format. Each block's bits come from
 * (seed, block), so they don't depend on who fills what, or when. Sizes are multiples of 8 bytes in
 * the plain types, of a block in the others.
 */
final class RandomWeights {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(LITTLE_ENDIAN);

  /** Standard deviation of a value that is uniform in [-1, 1). */
  private static final double UNIFORM_DEVIATION = 1 / Math.sqrt(3);

  /** Of 16 equally likely nibbles, and of 255 equally likely bytes. */
  private static final double NIBBLE_DEVIATION = Math.sqrt((16 * 16 - 1) / 12.0);

  private static final double BYTE_DEVIATION = Math.sqrt((255 * 255 - 1) / 12.0);

  private final long seed;
  private final double deviation;

  /**
   * @param deviation about the standard deviation of the values; their mean is 0
   */
  RandomWeights(long seed, double deviation) {
    this.seed = seed;
    this.deviation = deviation;
  }

  void fill(ElementType type, MemorySegment data) {
    switch (type) {
      case F32 -> fillF32(data);
      case F16, BF16 -> fillHalves(type, data);
      case Q4_0 -> fillQ4v0(data);
      case Q4_1 -> fillQ4v1(data);
      case Q8_0 -> fillQ8v0(data);
    }
  }

  private void fillF32(MemorySegment data) {
    float scale = (float) (deviation / UNIFORM_DEVIATION / (1L << 31));
    for (long at = 0, i = 0; at < data.byteSize(); at += 2 * Float.BYTES, i++) {
      long random = bits(i);
      data.set(INT, at, Float.floatToRawIntBits((int) random * scale));
      data.set(INT, at + Float.BYTES, Float.floatToRawIntBits((int) (random >> 32) * scale));
    }
  }

  private void fillHalves(ElementType type, MemorySegment data) {
    float scale = (float) (deviation / UNIFORM_DEVIATION / (1 << 15));
    for (long at = 0, i = 0; at < data.byteSize(); at += 4 * Short.BYTES, i++) {
      long random = bits(i);
      for (int j = 0; j < 4; j++) {
        float value = (short) (random >> 16 * j) * scale;
        int half =
            type == ElementType.F16
                ? Float.floatToFloat16(value)
                : Float.floatToRawIntBits(value) >>> 16;
        data.set(SHORT, at + (long) j * Short.BYTES, (short) half);
      }
    }
  }

  /** Nibbles stand for −8 .. 7, −½ on average: scales of either sign keep the mean at 0. */
  private void fillQ4v0(MemorySegment data) {
    for (long at = 0, i = 0; at < data.byteSize(); at += ElementType.Q4_0.blockBytes(), i += 3) {
      long random = bits(i);
      float d = scale(random, NIBBLE_DEVIATION);
      data.set(SHORT, at, Float.floatToFloat16(random < 0 ? -d : d));
      data.set(LONG, at + 2, bits(i + 1));
      data.set(LONG, at + 10, bits(i + 2));
    }
  }

  private void fillQ4v1(MemorySegment data) {
    for (long at = 0, i = 0; at < data.byteSize(); at += ElementType.Q4_1.blockBytes(), i += 3) {
      float d = scale(bits(i), NIBBLE_DEVIATION);
      data.set(SHORT, at, Float.floatToFloat16(d));
      data.set(SHORT, at + 2, Float.floatToFloat16(-7.5f * d));
      data.set(LONG, at + 4, bits(i + 1));
      data.set(LONG, at + 12, bits(i + 2));
    }
  }

  private void fillQ8v0(MemorySegment data) {
    for (long at = 0, i = 0; at < data.byteSize(); at += ElementType.Q8_0.blockBytes(), i += 5) {
      data.set(SHORT, at, Float.floatToFloat16(scale(bits(i), BYTE_DEVIATION)));
      for (int j = 0; j < 4; j++) {
        data.set(LONG, at + 2 + 8L * j, withoutMinimum(bits(i + 1 + j)));
      }
    }
  }

  /** A block's scale: ¾ to 5⁄4 of what the deviation asks for, since real blocks differ. */
  private float scale(long random, double quantizedDeviation) {
    double jitter = 0.75 + 0.5 * (random >>> 40 & 0xFFFF) / 0xFFFF;
    return (float) (deviation / quantizedDeviation * jitter);
  }

  /** Sets bytes that are −128, which quantizers never write, to −127. */
  private static long withoutMinimum(long bytes) {
    long lowBits = bytes & 0x7F7F_7F7F_7F7F_7F7FL;
    long lowBitsNotZero = lowBits + 0x7F7F_7F7F_7F7F_7F7FL;
    long minimum = bytes & ~lowBitsNotZero & 0x8080_8080_8080_8080L;
    return bytes | minimum >>> 7;
  }

  /** The counter-th 64 bits of the seed's stream: SplitMix64 (Steele, Lea and Flood 2014). */
  private long bits(long counter) {
    return mix(seed + counter * 0x9E37_79B9_7F4A_7C15L);
  }

  static long mix(long z) {
    z = (z ^ z >>> 30) * 0xBF58_476D_1CE4_E5B9L;
    z = (z ^ z >>> 27) * 0x94D0_49BB_1331_11EBL;
    return z ^ z >>> 31;
  }
}
