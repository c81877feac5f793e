package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.ROW_GROUP;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.CodePages;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * A matrix product for one layout of weights and one precision of activations: a function for each
 * number of activation rows up to {@link #MAX_TILE}, with strides as constants. Functions look
 * through all blocks of a group of 16 outputs, then go on to the next group:
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

  private final MemorySegment[] functions = new MemorySegment[MAX_TILE + 1];
  private final int maxTile;

  private MultiplyCode(int maxTile) {
    this.maxTile = maxTile;
  }

  /** Emits the functions; they live as long as the arena. */
  static MultiplyCode emit(
      PackedLayout layout, ActivationPrecision precision, Isa isa, Arena arena) {
    Assembler a = new Assembler();
    MultiplyEmitter emitter =
        switch (isa) {
          case AVX2 ->
              layout.type().isQuantized() && precision == ActivationPrecision.INT16
                  ? new Avx2PairMultiply(a, layout)
                  : new Avx2Multiply(a, layout);
          case AVX512 -> new Avx512Multiply(a, layout, precision);
        };
    MultiplyCode code = new MultiplyCode(emitter.maxTile());
    int[] starts = new int[code.maxTile + 1];
    for (int tile = 1; tile <= code.maxTile; tile++) {
      starts[tile] = a.size();
      emitter.emit(tile);
    }
    CodePages pages = CodePages.of(a.code(), arena);
    for (int tile = 1; tile <= code.maxTile; tile++) {
      code.functions[tile] = pages.at(starts[tile]);
    }
    return code;
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
            functions[to - from],
            weights + group * groupBytes,
            activations + from * activationRowBytes,
            y + from * yStrideBytes + (long) group * ROW_GROUP * Float.BYTES,
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
