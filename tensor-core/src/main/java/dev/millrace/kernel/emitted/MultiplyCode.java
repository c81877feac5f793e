package dev.millrace.kernel.emitted;

import static dev.millrace.kernel.Kernels.ROW_GROUP;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.CodePages;
import dev.millrace.assembler.Vec;
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

  /**
   * Functions for a number of activation rows.
   *
   * @param single does one group of outputs after the other
   * @param wide does {@code groups} at once; may be the same
   */
  private record Functions(MemorySegment single, MemorySegment wide, int groups) {}

  private final Functions[] functions = new Functions[MAX_TILE + 1];
  private final int maxTile;

  private MultiplyCode(int maxTile) {
    this.maxTile = maxTile;
  }

  /** Emits the functions; they live as long as the arena. */
  static MultiplyCode emit(
      PackedLayout layout, ActivationPrecision precision, Isa isa, Arena arena) {
    Assembler a = new Assembler();
    MultiplyEmitter emitter = emitter(a, layout, precision, isa);
    MultiplyCode code = new MultiplyCode(emitter.maxTile());
    int[] singles = new int[code.maxTile + 1]; // where functions start
    int[] wides = new int[code.maxTile + 1];
    for (int rows = 1; rows <= code.maxTile; rows++) {
      singles[rows] = a.size();
      emitter.emit(new MultiplyEmitter.Tile(rows, 1));
      wides[rows] = singles[rows];
      if (emitter.groupsAtOnce(rows) > 1) {
        wides[rows] = a.size();
        emitter.emit(new MultiplyEmitter.Tile(rows, emitter.groupsAtOnce(rows)));
      }
    }
    CodePages pages = CodePages.of(a.code(), arena);
    for (int rows = 1; rows <= code.maxTile; rows++) {
      code.functions[rows] =
          new Functions(pages.at(singles[rows]), pages.at(wides[rows]), emitter.groupsAtOnce(rows));
    }
    return code;
  }

  private static MultiplyEmitter emitter(
      Assembler a, PackedLayout layout, ActivationPrecision precision, Isa isa) {
    boolean quantized = layout.type().isQuantized();
    return switch (isa) {
      case AVX2 ->
          !quantized
              ? new PlainMultiply(a, layout, Vec.Width.YMM)
              : precision == ActivationPrecision.INT8
                  ? new Avx2Multiply(a, layout)
                  : new Avx2PairMultiply(a, layout);
      case AVX512 ->
          quantized
              ? new Avx512Multiply(a, layout, precision)
              : new PlainMultiply(a, layout, Vec.Width.ZMM);
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
        multiply(
            functions[to - from],
            weights + group * groupBytes,
            groupBytes,
            activations + from * activationRowBytes,
            y + from * yStrideBytes + (long) group * ROW_GROUP * Float.BYTES,
            yStrideBytes,
            Math.min(groupsAtOnce, groups - group));
      }
    }
  }

  private static void multiply(
      Functions f,
      long weights,
      long groupBytes,
      long activations,
      long y,
      long yStrideBytes,
      int groups) {
    int wide = groups / f.groups;
    if (wide > 0) {
      call(f.wide, weights, activations, y, yStrideBytes, wide);
    }
    int done = wide * f.groups;
    if (done < groups) {
      long outputs = (long) done * ROW_GROUP * Float.BYTES;
      call(
          f.single,
          weights + done * groupBytes,
          activations,
          y + outputs,
          yStrideBytes,
          groups - done);
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
