package dev.millrace.kernel.vector;

import static dev.millrace.kernel.Kernels.QUANTIZATION_BLOCK;
import static dev.millrace.kernel.vector.Lanes.load;
import static dev.millrace.kernel.vector.Lanes.loadInts;
import static dev.millrace.kernel.vector.Lanes.store;
import static dev.millrace.kernel.vector.VectorWeights.LANES_BYTES;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;

/**
 * One vector of outputs' packed weights to float32: column after column, {@code stride} bytes apart
 * in the target. Offsets are of the vector's first lane.
 */
final class Unpack {
  /** A float16's exponent and mantissa in a float32's places, its exponent's bias 112 too low. */
  private static final int HALF_BITS = 0x8FFFE000;

  private static final int HALF_EXPONENT = 0x0F800000;
  private static final int FLOAT_EXPONENT = 0x7F800000;
  private static final float HALF_BIAS = 0x1p112f;

  private Unpack() {}

  static void floats(
      MemorySegment from, long offset, int columns, MemorySegment to, long toOffset, long stride) {
    for (int k = 0; k < columns; k++) {
      store(load(from, offset + (long) k * LANES_BYTES), to, toOffset + k * stride);
    }
  }

  /** Writes whole pairs: one column more where {@code columns} is odd. */
  static void bfloats(
      MemorySegment from, long offset, int columns, MemorySegment to, long toOffset, long stride) {
    for (int k = 0; k < columns; k += 2) {
      IntVector pair = loadInts(from, offset + (long) (k / 2) * LANES_BYTES);
      IntVector even = pair.lanewise(VectorOperators.LSHL, 16);
      IntVector odd = pair.and(0xFFFF0000);
      store(even.reinterpretAsFloats(), to, toOffset + k * stride);
      store(odd.reinterpretAsFloats(), to, toOffset + (k + 1) * stride);
    }
  }

  /** Writes whole pairs: one column more where {@code columns} is odd. */
  static void halves(
      MemorySegment from, long offset, int columns, MemorySegment to, long toOffset, long stride) {
    for (int k = 0; k < columns; k += 2) {
      IntVector pair = loadInts(from, offset + (long) (k / 2) * LANES_BYTES);
      IntVector even = pair.lanewise(VectorOperators.LSHL, 16);
      store(half(even), to, toOffset + k * stride);
      store(half(pair), to, toOffset + (k + 1) * stride);
    }
  }

  /** Of the float16 in each lane's high half. */
  private static FloatVector half(IntVector bits) {
    IntVector shifted = bits.lanewise(VectorOperators.ASHR, 3).and(HALF_BITS);
    FloatVector finite = shifted.reinterpretAsFloats().mul(HALF_BIAS);
    VectorMask<Integer> isFinite =
        shifted.and(HALF_EXPONENT).compare(VectorOperators.NE, HALF_EXPONENT);
    return shifted
        .or(FLOAT_EXPONENT)
        .blend(finite.reinterpretAsInts(), isFinite)
        .reinterpretAsFloats();
  }

  /** A block's 32 nibbles, less {@code zero}. */
  static void nibbles(
      MemorySegment from, long offset, int zero, MemorySegment to, long toOffset, long stride) {
    for (int word = 0; word < QUANTIZATION_BLOCK / 8; word++) {
      IntVector nibbles = loadInts(from, offset + (long) word * LANES_BYTES);
      for (int i = 0; i < 8; i++) {
        IntVector nibble = nibbles.and(15).sub(zero);
        store(
            (FloatVector) nibble.convert(VectorOperators.I2F, 0),
            to,
            toOffset + (word * 8L + i) * stride);
        nibbles = nibbles.lanewise(VectorOperators.LSHR, 4);
      }
    }
  }

  /** A block's 32 signed bytes. */
  static void bytes(MemorySegment from, long offset, MemorySegment to, long toOffset, long stride) {
    for (int word = 0; word < QUANTIZATION_BLOCK / 4; word++) {
      IntVector bytes = loadInts(from, offset + (long) word * LANES_BYTES);
      for (int i = 0; i < 4; i++) {
        IntVector signed =
            bytes.lanewise(VectorOperators.LSHL, 24 - 8 * i).lanewise(VectorOperators.ASHR, 24);
        store(
            (FloatVector) signed.convert(VectorOperators.I2F, 0),
            to,
            toOffset + (word * 4L + i) * stride);
      }
    }
  }
}
