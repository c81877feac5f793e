package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.VOCABULARY_SEGMENT;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.millrace.assembler.CodePages;
import dev.millrace.kernel.Functions;
import dev.millrace.kernel.Kernels;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;

/**
 * Norms, gates, rotations, merges and scans of rows: the functions of {@link RowEmitter}, for whole
 * sixteens of floats. Whoever calls has checked the arguments; counts may be 0.
 */
final class RowCode {
  private static final MethodHandle CALL =
      CodePages.caller(
          FunctionDescriptor.ofVoid(
              JAVA_LONG,
              JAVA_LONG,
              JAVA_LONG,
              JAVA_LONG,
              JAVA_LONG,
              JAVA_LONG,
              JAVA_FLOAT,
              JAVA_FLOAT));

  /** Values that are scanned for the largest one at once; one such piece is then looked through. */
  private static final int SCAN = 1024;

  private static final int INFINITY_BITS = 0x7F800000;

  private static final ThreadLocal<MemorySegment> RESULT =
      ThreadLocal.withInitial(() -> Arena.ofAuto().allocate(64, 64));

  private final MemorySegment rmsNorm;
  private final MemorySegment swiglu;
  private final MemorySegment add;
  private final MemorySegment rope;
  private final MemorySegment merge;
  private final MemorySegment extremes;
  private final MemorySegment exp;

  RowCode(Isa isa, Arena arena) {
    RowEmitter emitter = new RowEmitter(isa);
    int[] starts = new int[7];
    Runnable[] functions = {
      emitter::rmsNorm,
      emitter::swiglu,
      emitter::add,
      emitter::rope,
      emitter::merge,
      emitter::extremes,
      emitter::exp
    };
    for (int i = 0; i < functions.length; i++) {
      starts[i] = emitter.here();
      functions[i].run();
    }
    CodePages pages = CodePages.of(emitter.code(), arena);
    rmsNorm = pages.at(starts[0]);
    swiglu = pages.at(starts[1]);
    add = pages.at(starts[2]);
    rope = pages.at(starts[3]);
    merge = pages.at(starts[4]);
    extremes = pages.at(starts[5]);
    exp = pages.at(starts[6]);
  }

  /** Floats that come in whole sixteens: what these functions can do. */
  static long whole(long count) {
    return count - count % Functions.PARTIALS;
  }

  void rmsNorm(long x, long weight, float epsilon, long y, int columns, int rows) {
    if (rows > 0) {
      call(rmsNorm, x, weight, y, columns, rows, epsilon, columns);
    }
  }

  void swiglu(long gate, long up, long out, long count) {
    if (count > 0) {
      call(swiglu, gate, up, out, count, 0, 0, 0);
    }
  }

  /** x += y. */
  void add(long x, long y, long count) {
    if (count > 0) {
      call(add, x, y, 0, count, 0, 0, 0);
    }
  }

  /** One row's heads. */
  void rope(long x, int heads, int headDim, long cosSin) {
    call(rope, x, cosSin, 0, headDim, heads, 0, 0);
  }

  /** One row's heads. */
  void merge(long state, long strideBytes, int segments, int heads, int headDim, long out) {
    long stateBytes = Kernels.attentionStateFloats(headDim) * 4L;
    for (int head = 0; head < heads; head++) {
      long to = out + head * (headDim * 4L);
      call(merge, state + head * stateBytes, to, strideBytes, headDim, segments, 0, 0);
    }
  }

  /** As {@link Kernels#argmax}; {@code n} in whole sixteens. */
  int argmax(MemorySegment x, long offsetBytes, int n) {
    MemorySegment result = RESULT.get();
    int best = 0;
    float highest = Float.NEGATIVE_INFINITY;
    for (int from = 0; from < n; from += SCAN) {
      int count = Math.min(SCAN, n - from);
      long address = x.address() + offsetBytes + from * 4L;
      call(extremes, address, result.address(), 0, count, 0, 0, 0);
      if (result.get(JAVA_INT, 4) >= INFINITY_BITS) {
        return -1;
      }
      float max = result.get(JAVA_FLOAT, 0);
      if (max > highest) {
        highest = max;
        best = from;
      }
    }
    while (x.get(JAVA_FLOAT, offsetBytes + best * 4L) < highest) {
      best++;
    }
    return best;
  }

  /** As {@link Kernels#exp}; {@code n} in whole sixteens. */
  float exp(long x, int n, float max, float invTemperature, long weights) {
    MemorySegment result = RESULT.get();
    float sum = 0;
    for (int from = 0; from < n; from += VOCABULARY_SEGMENT) {
      int count = Math.min(VOCABULARY_SEGMENT, n - from);
      long at = from * 4L;
      call(exp, x + at, weights + at, result.address(), count, 0, invTemperature, max);
      sum += result.get(JAVA_FLOAT, 0);
    }
    return sum;
  }

  private static void call(
      MemorySegment function,
      long first,
      long second,
      long third,
      long count,
      long rows,
      float factor,
      float other) {
    try {
      CALL.invokeExact(
          function, first, second, third, StepConstants.ADDRESS, count, rows, factor, other);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("emitted code throws nothing", e);
    }
  }
}
