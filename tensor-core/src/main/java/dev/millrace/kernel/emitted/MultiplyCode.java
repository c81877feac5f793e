package dev.millrace.kernel.emitted;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.CodePages;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.atomic.AtomicReferenceArray;

/**
 * A matrix product for one layout of weights and one precision of activations: a function for each
 * number of activation rows up to {@link #MAX_TILE}, emitted when it is first needed, with strides
 * as constants. Functions look through all blocks of a group of 16 outputs, then go on to the next
 * group. Safe for threads.
 *
 * <pre>void f(weights, activations, y, long yStrideBytes, long groups, constants)</pre>
 */
final class MultiplyCode {
  /** Activation rows that share one reading of the weights. */
  static final int MAX_TILE = 16;

  /**
   * Weights that several tiles of rows read in turn: must stay in a core's second-level cache
   * meanwhile.
   */
  private static final long CACHED_WEIGHT_BYTES = 128 << 10;

  private static final MethodHandle CALL =
      CodePages.caller(
          FunctionDescriptor.ofVoid(
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG,
              ValueLayout.JAVA_LONG));

  private final PackedLayout layout;
  private final ActivationPrecision precision;
  private final Arena arena;
  private final int maxTile;
  private final AtomicReferenceArray<MemorySegment> functions; // by rows

  /**
   * @param precision of activations; of no consequence for plain weights
   * @param arena the weights': code lives as long
   */
  MultiplyCode(PackedLayout layout, ActivationPrecision precision, Arena arena) {
    this.layout = layout;
    this.precision = precision;
    this.arena = arena;
    maxTile = emitter(new Assembler(), MAX_TILE).maxTile();
    functions = new AtomicReferenceArray<>(maxTile + 1);
  }

  private MemorySegment function(int rows) {
    MemorySegment emitted = functions.get(rows);
    return emitted != null ? emitted : emit(rows);
  }

  private synchronized MemorySegment emit(int rows) {
    MemorySegment emitted = functions.get(rows);
    if (emitted != null) { // by another thread meanwhile
      return emitted;
    }
    Assembler a = new Assembler();
    emitter(a, rows).emit(rows);
    MemorySegment function = CodePages.of(a.code(), arena).at(0);
    functions.set(rows, function);
    return function;
  }

  private MultiplyEmitter emitter(Assembler a, int rows) {
    if (!layout.type().isQuantized()) {
      return new PlainMultiply(a, layout);
    }
    if (layout.isa() == Isa.AVX512) {
      return new Avx512Multiply(a, layout, precision);
    }
    if (rows == 1) {
      return new Avx2RowMultiply(a, layout, precision);
    }
    return switch (precision) {
      case INT8 -> new Avx2Multiply(a, layout);
      case INT16 -> new Avx2PairMultiply(a, layout);
    };
  }

  /**
   * Multiplies {@code rows} activation rows with {@code groups} groups of outputs. Addresses are of
   * the first of each.
   *
   * @param groupBytes of packed weights
   */
  void run(
      int rows,
      long weights,
      long groupBytes,
      long activations,
      long activationRowBytes,
      long y,
      long yStrideBytes,
      int groups) {
    int tiles = Math.ceilDiv(rows, maxTile);
    int groupsAtOnce =
        tiles <= 1 ? Math.max(1, groups) : (int) Math.max(1, CACHED_WEIGHT_BYTES / groupBytes);
    for (int group = 0; group < groups; group += groupsAtOnce) {
      for (int i = 0; i < tiles; i++) {
        int from = Team.split(rows, i, tiles);
        int to = Team.split(rows, i + 1, tiles);
        call(
            function(to - from),
            weights + group * groupBytes,
            activations + from * activationRowBytes,
            y + from * yStrideBytes + (long) group * layout.groupRows() * Float.BYTES,
            yStrideBytes,
            Math.min(groupsAtOnce, groups - group));
      }
    }
  }

  private static void call(
      MemorySegment f, long weights, long activations, long y, long yStrideBytes, long groups) {
    try {
      CALL.invokeExact(f, weights, activations, y, yStrideBytes, groups, Constants.ADDRESS);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("emitted code throws nothing", e);
    }
  }
}
