package dev.millrace.kernel.vector;

import dev.millrace.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** A little memory of each thread's own for results on their way: made once, then reused. */
final class Scratch {
  /**
   * Kernels divide it up themselves: what most use of it fits into a first-level cache with its
   * neighbours.
   */
  static final int BYTES = 168 << 10;

  private static final ThreadLocal<MemorySegment> OF_THREAD =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(BYTES, Matrix.ALIGNMENT));

  private Scratch() {}

  /** For what a class divides up: fails when it is loaded, not when it has overwritten. */
  static void require(long bytes) {
    if (bytes > BYTES) {
      throw new AssertionError(bytes + " bytes of scratch wanted: there are " + BYTES);
    }
  }

  /** Where this thread's memory starts. The thread keeps it reachable. */
  static long address() {
    return OF_THREAD.get().address();
  }
}
