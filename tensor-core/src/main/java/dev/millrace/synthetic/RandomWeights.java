package dev.millrace.synthetic;

import static java.nio.ByteOrder.LITTLE_ENDIAN;

import dev.millrace.tensor.ElementType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Fills tensors with random values, written in the tensor's own format. Each block's bits come from
 * (seed, block), so they don't depend on who fills what, or when. Places and sizes are multiples of
 * 8 bytes in the plain types, of a block in the others.
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

  private static final double FIVE_BITS_DEVIATION = Math.sqrt((32 * 32 - 1) / 12.0);
  private static final double SIX_BITS_DEVIATION = Math.sqrt((64 * 64 - 1) / 12.0);

  /** About the root mean square of sub-scales. */
  private static final double SUB_SCALE = 39.8;

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

  /** Fills {@code data} with what a tensor has from byte {@code from} on. */
  void fill(ElementType type, long from, MemorySegment data) {
    long block = from / type.blockBytes();
    switch (type) {
      case F32 -> fillF32(from / Long.BYTES, data);
      case F16, BF16 -> fillHalves(type, from / Long.BYTES, data);
      case Q4_0 -> fillQ4v0(block, data);
      case Q4_1 -> fillQ4v1(block, data);
      case Q5_0 -> fillQ5v0(block, data);
      case Q5_1 -> fillQ5v1(block, data);
      case Q8_0 -> fillQ8v0(block, data);
      case Q4_K, Q5_K -> fillWithSubMinimums(type, block, data);
      case Q6_K -> fillQ6K(block, data);
    }
  }

  private void fillF32(long first, MemorySegment data) {
    float scale = (float) (deviation / UNIFORM_DEVIATION / (1L << 31));
    for (long at = 0, i = first; at < data.byteSize(); at += 2 * Float.BYTES, i++) {
      long random = bits(i);
      data.set(INT, at, Float.floatToRawIntBits((int) random * scale));
      data.set(INT, at + Float.BYTES, Float.floatToRawIntBits((int) (random >> 32) * scale));
    }
  }

  private void fillHalves(ElementType type, long first, MemorySegment data) {
    float scale = (float) (deviation / UNIFORM_DEVIATION / (1 << 15));
    for (long at = 0, i = first; at < data.byteSize(); at += 4 * Short.BYTES, i++) {
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
  private void fillQ4v0(long first, MemorySegment data) {
    for (long at = 0, i = first * 3;
        at < data.byteSize();
        at += ElementType.Q4_0.blockBytes(), i += 3) {
      long random = bits(i);
      float d = scale(random, NIBBLE_DEVIATION);
      data.set(SHORT, at, Float.floatToFloat16(random < 0 ? -d : d));
      data.set(LONG, at + 2, bits(i + 1));
      data.set(LONG, at + 10, bits(i + 2));
    }
  }

  private void fillQ4v1(long first, MemorySegment data) {
    for (long at = 0, i = first * 3;
        at < data.byteSize();
        at += ElementType.Q4_1.blockBytes(), i += 3) {
      float d = scale(bits(i), NIBBLE_DEVIATION);
      data.set(SHORT, at, Float.floatToFloat16(d));
      data.set(SHORT, at + 2, Float.floatToFloat16(-7.5f * d));
      data.set(LONG, at + 4, bits(i + 1));
      data.set(LONG, at + 12, bits(i + 2));
    }
  }

  /** As Q4_0's: five bits stand for −16 .. 15. */
  private void fillQ5v0(long first, MemorySegment data) {
    for (long at = 0, i = first * 4;
        at < data.byteSize();
        at += ElementType.Q5_0.blockBytes(), i += 4) {
      long random = bits(i);
      float d = scale(random, FIVE_BITS_DEVIATION);
      data.set(SHORT, at, Float.floatToFloat16(random < 0 ? -d : d));
      data.set(INT, at + 2, (int) bits(i + 1));
      data.set(LONG, at + 6, bits(i + 2));
      data.set(LONG, at + 14, bits(i + 3));
    }
  }

  private void fillQ5v1(long first, MemorySegment data) {
    for (long at = 0, i = first * 4;
        at < data.byteSize();
        at += ElementType.Q5_1.blockBytes(), i += 4) {
      float d = scale(bits(i), FIVE_BITS_DEVIATION);
      data.set(SHORT, at, Float.floatToFloat16(d));
      data.set(SHORT, at + 2, Float.floatToFloat16(-15.5f * d));
      data.set(INT, at + 4, (int) bits(i + 1));
      data.set(LONG, at + 8, bits(i + 2));
      data.set(LONG, at + 16, bits(i + 3));
    }
  }

  /** Sub-minima are the sub-scales, so that dmin takes the mean away from all. */
  private void fillWithSubMinimums(ElementType type, long first, MemorySegment data) {
    boolean nibbles = type == ElementType.Q4_K;
    double mean = nibbles ? 7.5 : 15.5;
    double levels = nibbles ? NIBBLE_DEVIATION : FIVE_BITS_DEVIATION;
    int words = (type.blockBytes() - 16) / Long.BYTES;
    for (long at = 0, i = first * (2 + words);
        at < data.byteSize();
        at += type.blockBytes(), i += 2 + words) {
      float d = scale(bits(i), levels * SUB_SCALE);
      data.set(SHORT, at, Float.floatToFloat16(d));
      data.set(SHORT, at + 2, Float.floatToFloat16((float) (mean * d)));
      // 6-bit sub-scales of 32 to 47: bit 5 set, four bits random; the last four in two pieces.
      int leading = (int) bits(i + 1) & 0x0F0F0F0F | 0xA0A0A0A0;
      int last = (int) (bits(i + 1) >>> 32) & 0x0F0F0F0F;
      data.set(INT, at + 4, leading);
      data.set(INT, at + 8, leading);
      data.set(INT, at + 12, last | last << 4);
      for (int j = 0; j < words; j++) {
        data.set(LONG, at + 16 + 8L * j, bits(i + 2 + j));
      }
    }
  }

  /** Six bits stand for −32 .. 31, −½ on average: sub-scales have either sign. */
  private void fillQ6K(long first, MemorySegment data) {
    int quants = ElementType.Q6_K.scaleOffset() - 16;
    int words = quants / Long.BYTES;
    for (long at = 0, i = first * (3 + words);
        at < data.byteSize();
        at += ElementType.Q6_K.blockBytes(), i += 3 + words) {
      for (int j = 0; j < words; j++) {
        data.set(LONG, at + 8L * j, bits(i + 3 + j));
      }
      for (int j = 0; j < 2; j++) { // 32 to 47 or −48 to −33
        long random = bits(i + 1 + j);
        long magnitudes = random & 0x0F0F_0F0F_0F0F_0F0FL | 0x2020_2020_2020_2020L;
        long signs = random >>> 7 & 0x0101_0101_0101_0101L;
        data.set(LONG, at + quants + 8L * j, magnitudes ^ signs * 0xFF);
      }
      float d = scale(bits(i), SIX_BITS_DEVIATION * SUB_SCALE);
      data.set(SHORT, at + quants + 16, Float.floatToFloat16(d));
    }
  }

  private void fillQ8v0(long first, MemorySegment data) {
    for (long at = 0, i = first * 5;
        at < data.byteSize();
        at += ElementType.Q8_0.blockBytes(), i += 5) {
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
