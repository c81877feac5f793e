package dev.millrace.kernel.vector;

import static jdk.incubator.vector.FloatVector.fromMemorySegment;

import dev.millrace.kernel.Functions;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/** The vectors that this JVM computes with, and what all kernels do with them. */
final class Lanes {
  /** Forces a width: 128, 256 or 512. All give the same bits; tests run all of them. */
  static final String BITS_PROPERTY = "millrace.vector.bits";

  static final VectorSpecies<Float> FLOATS = species();
  static final VectorSpecies<Integer> INTS = FLOATS.withLanes(int.class);

  /** Lanes of a vector: 4, 8 or 16, so that 16 partial sums are whole vectors. */
  static final int LENGTH = FLOATS.length();

  /** Bytes of a vector. */
  static final long BYTES = (long) LENGTH * Float.BYTES;

  /**
   * All memory. Kernels check their arguments at the door and go by address then: C2 folds this
   * segment's checks away, where those of a caller's segments take so many nodes that it stops
   * inlining after a dozen accesses, and boxes the vectors.
   */
  @SuppressWarnings("restricted")
  static final MemorySegment MEMORY = MemorySegment.NULL.reinterpret(Long.MAX_VALUE);

  /**
   * An address has its two highest bits clear, but C2 doesn't know. Where {@code address &
   * ADDRESS_BITS} stands in front of a loop, it sees that no offset inside can overflow, and drops
   * the bounds check of every access: half as fast again.
   */
  static final long ADDRESS_BITS = Long.MAX_VALUE >>> 1;

  /** All of a float's bits but the sign; as an int it is greater for the greater magnitude. */
  static final int MAGNITUDE_BITS = 0x7FFFFFFF;

  /** Magnitudes from here on aren't finite. */
  static final int INFINITY_BITS = 0x7F800000;

  static final ByteOrder ORDER = ByteOrder.nativeOrder();
  private static final VectorShuffle<Float> UPPER_8 = upper(8);
  private static final VectorShuffle<Float> UPPER_4 = upper(4);
  private static final VectorShuffle<Float> UPPER_2 = upper(2);
  private static final VectorShuffle<Float> UPPER_1 = upper(1);

  private Lanes() {}

  private static VectorSpecies<Float> species() {
    int bits =
        Integer.getInteger(
            BITS_PROPERTY, Math.min(512, FloatVector.SPECIES_PREFERRED.vectorBitSize()));
    if (bits != 128 && bits != 256 && bits != 512) {
      throw new IllegalArgumentException(
          BITS_PROPERTY + " is " + bits + ": must be 128, 256 or 512");
    }
    return VectorSpecies.of(float.class, VectorShape.forBitSize(bits));
  }

  /** Lane i takes lane i + distance. */
  private static VectorShuffle<Float> upper(int distance) {
    return VectorShuffle.fromOp(FLOATS, i -> i + distance < LENGTH ? i + distance : i);
  }

  /** Copies the first values of some rows of vectors; with no more vectors than the values fill. */
  static void copyRows(
      long from, long fromRowBytes, int rows, int values, long to, long toRowBytes) {
    for (int row = 0; row < rows; row++) {
      long source = from + row * fromRowBytes;
      long target = to + row * toRowBytes;
      int i = 0;
      for (; i <= values - LENGTH; i += LENGTH) {
        fromMemorySegment(FLOATS, MEMORY, source + i * 4L, ORDER)
            .intoMemorySegment(MEMORY, target + i * 4L, ORDER);
      }
      for (; i < values; i++) {
        set(target + i * 4L, get(source + i * 4L));
      }
    }
  }

  static float get(long address) {
    return MEMORY.get(ValueLayout.JAVA_FLOAT, address);
  }

  static void set(long address, float value) {
    MEMORY.set(ValueLayout.JAVA_FLOAT, address, value);
  }

  static int getInt(long address) {
    return MEMORY.get(ValueLayout.JAVA_INT, address);
  }

  static void setInt(long address, int value) {
    MEMORY.set(ValueLayout.JAVA_INT, address, value);
  }

  static long getLong(long address) {
    return MEMORY.get(ValueLayout.JAVA_LONG, address);
  }

  static void setLong(long address, long value) {
    MEMORY.set(ValueLayout.JAVA_LONG, address, value);
  }

  /**
   * {@link Functions#join} of the 16 partial sums at {@code address}: vectors are halved first,
   * then lanes.
   */
  static float join(long address) {
    FloatVector sum = fromMemorySegment(FLOATS, MEMORY, address, ORDER);
    if (LENGTH == 8) {
      sum = sum.add(fromMemorySegment(FLOATS, MEMORY, address + BYTES, ORDER));
    } else if (LENGTH == 4) {
      FloatVector second = fromMemorySegment(FLOATS, MEMORY, address + BYTES, ORDER);
      FloatVector third = fromMemorySegment(FLOATS, MEMORY, address + 2 * BYTES, ORDER);
      FloatVector fourth = fromMemorySegment(FLOATS, MEMORY, address + 3 * BYTES, ORDER);
      sum = sum.add(third).add(second.add(fourth));
    }
    if (LENGTH == 16) {
      sum = sum.add(sum.rearrange(UPPER_8));
    }
    if (LENGTH >= 8) {
      sum = sum.add(sum.rearrange(UPPER_4));
    }
    sum = sum.add(sum.rearrange(UPPER_2));
    return sum.add(sum.rearrange(UPPER_1)).lane(0);
  }
}
