package dev.millrace.kernel.scalar;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.QuantizedRows;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Rounded activations.
 *
 * @param values int16 [maxRows][columns], whatever the precision
 * @param scales float32 da [maxRows][blocks]
 * @param sums int32 Σq [maxRows][blocks]
 */
record ScalarRows(
    ActivationPrecision precision,
    int maxRows,
    int columns,
    MemorySegment values,
    MemorySegment scales,
    MemorySegment sums)
    implements QuantizedRows {

  static ScalarRows allocate(ActivationPrecision precision, int maxRows, int columns, Arena arena) {
    long blocks = (long) maxRows * columns / Kernels.QUANTIZATION_BLOCK;
    return new ScalarRows(
        precision,
        maxRows,
        columns,
        arena.allocate(ValueLayout.JAVA_SHORT, (long) maxRows * columns),
        arena.allocate(ValueLayout.JAVA_FLOAT, blocks),
        arena.allocate(ValueLayout.JAVA_INT, blocks));
  }

  int blocks() {
    return columns / Kernels.QUANTIZATION_BLOCK;
  }

  int value(int row, int column) {
    return values.getAtIndex(ValueLayout.JAVA_SHORT, (long) row * columns + column);
  }

  float scale(int row, int block) {
    return scales.getAtIndex(ValueLayout.JAVA_FLOAT, (long) row * blocks() + block);
  }

  int sum(int row, int block) {
    return sums.getAtIndex(ValueLayout.JAVA_INT, (long) row * blocks() + block);
  }

  /** Rounds one block of x, whose first value is x's element {@code first}. */
  void quantizeBlock(MemorySegment x, int row, int block) {
    int size = Kernels.QUANTIZATION_BLOCK;
    long first = (long) row * columns + (long) block * size;
    float amax = 0;
    for (int i = 0; i < size; i++) {
      amax = Math.max(amax, Math.abs(x.getAtIndex(ValueLayout.JAVA_FLOAT, first + i)));
    }
    float scale;
    float inverse; // of the scale; 0 makes all values 0
    if (!Float.isFinite(amax)) { // a NaN or an infinity among the values
      scale = Float.NaN;
      inverse = 0;
    } else if (amax < Kernels.QUANTIZATION_FLOOR) {
      scale = 0;
      inverse = 0;
    } else {
      scale = amax / precision.largest();
      inverse = precision.largest() / amax;
    }
    int sum = 0;
    for (int i = 0; i < size; i++) {
      float value = inverse == 0 ? 0 : x.getAtIndex(ValueLayout.JAVA_FLOAT, first + i) * inverse;
      short rounded = (short) Math.rint(value);
      values.setAtIndex(ValueLayout.JAVA_SHORT, first + i, rounded);
      sum += rounded;
    }
    scales.setAtIndex(ValueLayout.JAVA_FLOAT, (long) row * blocks() + block, scale);
    sums.setAtIndex(ValueLayout.JAVA_INT, (long) row * blocks() + block, sum);
  }
}
