package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Vec.ymm;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Gp;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.ActivationPrecision;

/**
 * Matrix products of quantized weights and several activation rows with AVX2. A block's weights are
 * unpacked on the stack; then a few rows at a time meet them, each of whose activations is
 * broadcast once for both halves of a group's 16 outputs. Sums are in registers, and join the
 * outputs so far, which are on the stack as well.
 */
abstract class Avx2TileMultiply extends MultiplyEmitter {
  static final int QUADS = 8;
  static final int HALVES = 2;
  static final int VECTOR_BYTES = 32;
  static final int LANES = 8;

  // ymm0 .. ymm7: sums, by row and half.
  static final int FIRST_WEIGHTS = 8; // of the first half and the second
  static final Vec BROADCAST = ymm(10);
  static final Vec PRODUCT = ymm(11);
  private static final int FIRST_SCALES = 12; // of the halves, for one or two groups of columns
  private static final int FIRST_MINIMUMS = 14;

  private static final int MAX_TILE = MultiplyCode.MAX_TILE;

  private final int unpackedBytes; // the stack: a block's weights, then outputs so far

  /**
   * @param unpackedVectors that a block's weights take
   */
  Avx2TileMultiply(
      Assembler a, PackedLayout layout, ActivationPrecision precision, int unpackedVectors) {
    super(a, layout, precision);
    unpackedBytes = unpackedVectors * VECTOR_BYTES;
  }

  /** Rows that meet the weights together. */
  abstract int rowsAtOnce();

  /** A block's weights, for half of the outputs, on the stack. May use all registers. */
  abstract void unpack(int half);

  final void loadHighBits(Vec to, int quad, int half) {
    a.vmovups(to, weights(layout.highByte(half * LANES, quad * PackedLayout.QUAD)));
  }

  /** Sums of columns that share a scale, for rows [row, row + rows), in their registers. */
  abstract void sum(int row, int rows, int group);

  @Override
  final int maxTile() {
    return MAX_TILE;
  }

  @Override
  final int stackBytes() {
    return unpackedBytes + MAX_TILE * HALVES * VECTOR_BYTES;
  }

  @Override
  final void begin(int rows) {
    a.vpxor(PRODUCT, PRODUCT, PRODUCT);
    for (int row = 0; row < rows; row++) {
      for (int half = 0; half < HALVES; half++) {
        a.vmovups(total(row, half), PRODUCT);
      }
    }
  }

  @Override
  final void block(int rows) {
    for (int half = 0; half < HALVES; half++) {
      unpack(half);
    }
    for (int half = 0; half < HALVES; half++) { // registers that unpacking was in need of
      int lane = half * LANES;
      for (int group = 0; group < layout.scaleGroups(); group++) {
        loadScales(scales(group, half), PRODUCT, group, lane);
      }
      if (layout.type().hasMinimum()) {
        loadMinimums(ymm(FIRST_MINIMUMS + half), PRODUCT, lane);
      }
    }
    for (int row = 0; row < rows; row += rowsAtOnce()) {
      int atOnce = Math.min(rowsAtOnce(), rows - row);
      for (int group = 0; group < layout.scaleGroups(); group++) {
        sum(row, atOnce, group);
        for (int i = 0; i < atOnce; i++) {
          join(row + i, i, group);
        }
      }
    }
  }

  /** With minima there is one group only. */
  private static Vec scales(int group, int half) {
    return ymm(FIRST_SCALES + group * HALVES + half);
  }

  /** The sum of row {@code i} of those at once. */
  static Vec sum(int i, int half) {
    return ymm(i * HALVES + half);
  }

  /** Adds the sums, those of row {@code i} of those at once, to a row's outputs so far. */
  private void join(int row, int i, int group) {
    Vec scale = ymm(FIRST_WEIGHTS);
    a.vbroadcastss(BROADCAST, tail(row, EmittedRows.SCALE));
    for (int half = 0; half < HALVES; half++) {
      a.vcvtdq2ps(sum(i, half), sum(i, half));
      a.vmulps(scale, scales(group, half), BROADCAST);
      a.vfmadd213ps(sum(i, half), scale, total(row, half));
    }
    if (layout.type().hasMinimum()) {
      a.vbroadcastss(BROADCAST, tail(row, EmittedRows.SCALED_SUM));
      for (int half = 0; half < HALVES; half++) {
        a.vfmadd231ps(sum(i, half), ymm(FIRST_MINIMUMS + half), BROADCAST);
      }
    }
    for (int half = 0; half < HALVES; half++) {
      a.vmovups(total(row, half), sum(i, half));
    }
  }

  @Override
  final void store(int row, Mem to) {
    for (int half = 0; half < HALVES; half++) {
      a.vmovups(PRODUCT, total(row, half));
      a.vmovups(to.plus(half * VECTOR_BYTES), PRODUCT);
    }
  }

  /** An unpacked vector of the block's weights. */
  static Mem unpacked(int index, int half) {
    return Gp.RSP.at((index * HALVES + half) * VECTOR_BYTES);
  }

  private Mem total(int row, int half) {
    return Gp.RSP.at(unpackedBytes + (row * HALVES + half) * VECTOR_BYTES);
  }
}
