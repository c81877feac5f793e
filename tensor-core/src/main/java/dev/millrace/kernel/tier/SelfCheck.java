package dev.millrace.kernel.tier;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT_UNALIGNED;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.QuantizedRows;
import dev.millrace.kernel.Weights;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/**
 * A few small products, and what a step does beside them, on this very CPU, before a tier is
 * trusted: milliseconds, once.
 */
final class SelfCheck {
  private static final int OUTPUTS = 24; // a group that isn't whole among them
  private static final int PLAIN_OUTPUTS = 72; // some are made several groups at a time
  private static final int LEAST_COLUMNS = 64; // or one block
  private static final int ROWS = 3;
  private static final long SEED = 1;

  private SelfCheck() {}

  /**
   * @throws IllegalStateException if a result's bits differ, naming the kernel
   */
  static void requireEqual(Kernels tested, Kernels reference) {
    try (Arena arena = Arena.ofConfined()) {
      new StepCheck(tested, reference, arena).requireEqual();
      SplittableRandom random = new SplittableRandom(SEED);
      for (ElementType type : ElementType.values()) {
        MemorySegment x = arena.allocate(JAVA_FLOAT, (long) ROWS * columns(type));
        for (int i = 0; i < ROWS * columns(type); i++) {
          x.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        MemorySegment weights = weights(type, random, arena);
        for (ActivationPrecision precision : precisions(type)) {
          if (products(tested, type, precision, weights, x, arena)
                  .mismatch(products(reference, type, precision, weights, x, arena))
              >= 0) {
            throw new IllegalStateException(
                "the %s kernels' %s product with %s activations isn't the scalar tier's on this CPU"
                    .formatted(tested.name(), type, precision));
          }
        }
      }
    }
  }

  private static int columns(ElementType type) {
    return Math.max(LEAST_COLUMNS, type.blockSize());
  }

  private static int outputs(ElementType type) {
    return type.isQuantized() ? OUTPUTS : PLAIN_OUTPUTS;
  }

  /** Plain weights meet activations that aren't rounded: once is enough. */
  private static ActivationPrecision[] precisions(ElementType type) {
    return type.isQuantized()
        ? ActivationPrecision.values()
        : new ActivationPrecision[] {ActivationPrecision.INT8};
  }

  /** Random bits, but halves and floats that are finite. */
  private static MemorySegment weights(ElementType type, SplittableRandom random, Arena arena) {
    MemorySegment data =
        arena.allocate(type.bytes((long) outputs(type) * columns(type)), Float.BYTES);
    for (long i = 0; i < data.byteSize(); i++) {
      data.set(JAVA_BYTE, i, (byte) random.nextInt());
    }
    for (long block = 0; block < data.byteSize(); block += type.blockBytes()) {
      float value = (float) random.nextGaussian();
      switch (type) {
        case F32 -> data.set(JAVA_FLOAT, block, value);
        case BF16 ->
            data.set(JAVA_SHORT_UNALIGNED, block, (short) (Float.floatToRawIntBits(value) >> 16));
        default -> {
          long scale = block + type.scaleOffset();
          data.set(JAVA_SHORT_UNALIGNED, scale, Float.floatToFloat16(value));
          if (type.hasMinimum()) {
            data.set(JAVA_SHORT_UNALIGNED, scale + Short.BYTES, Float.floatToFloat16(-value));
          }
        }
      }
    }
    return data;
  }

  /** Of the first row alone, for which there may be a kernel of its own, and of all. */
  private static MemorySegment products(
      Kernels kernels,
      ElementType type,
      ActivationPrecision precision,
      MemorySegment weights,
      MemorySegment x,
      Arena arena) {
    QuantizedRows q = kernels.quantizedRows(precision, ROWS, columns(type), arena);
    kernels.quantize(x, q, 0, ROWS);
    int outputs = outputs(type);
    Weights packed = kernels.pack(type, weights, outputs, columns(type), arena);
    MemorySegment y = arena.allocate(JAVA_FLOAT, (1L + ROWS) * outputs);
    kernels.multiply(packed, x, q, 1, y, outputs, 0, outputs);
    MemorySegment ofAll = y.asSlice((long) outputs * Float.BYTES);
    kernels.multiply(packed, x, q, ROWS, ofAll, outputs, 0, outputs);
    return y;
  }
}
