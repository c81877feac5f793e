package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Vec.ymm;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Gp;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.tensor.ElementType;
import java.util.OptionalInt;

/**
 * Matrix products of quantized weights and int16 activations with AVX2. A block's weights are
 * unpacked to 16-bit pairs on the stack; then four activation rows at a time meet them, with sums
 * for both halves of a group's 16 outputs in registers (vpmaddwd), and join the outputs so far,
 * which are on the stack as well.
 */
final class Avx2PairMultiply extends MultiplyEmitter {
  private static final int QUADS = 8;
  private static final int ROWS = 4; // that meet the weights together
  private static final int HALVES = 2;
  private static final int VECTOR_BYTES = 32;
  private static final int LANES = 8;

  // ymm0 .. ymm7: the sums of a row's first half and second half, row by row.
  private static final int FIRST_WEIGHTS = 8; // of the first half and the second
  private static final Vec BROADCAST = ymm(10);
  private static final Vec PRODUCT = ymm(11);
  private static final int FIRST_SCALES = 12; // of the halves, for one or two groups of columns
  private static final int FIRST_MINIMUMS = 14;

  // The stack: pairs [16][2 halves][8 lanes], then outputs so far [rows][2 halves][8 lanes].
  private static final int PAIRS = 0;
  private static final int TOTALS = PAIRS + 2 * QUADS * HALVES * VECTOR_BYTES;
  private static final int MAX_TILE = 16;

  Avx2PairMultiply(Assembler a, PackedLayout layout) {
    super(a, layout, ActivationPrecision.INT16);
  }

  @Override
  int maxTile() {
    return MAX_TILE;
  }

  @Override
  int passes(Tile tile) {
    return 1;
  }

  @Override
  int stackBytes() {
    return TOTALS + MAX_TILE * HALVES * VECTOR_BYTES;
  }

  @Override
  void begin(Tile tile) {
    a.vpxor(PRODUCT, PRODUCT, PRODUCT);
    for (int row = 0; row < tile.rows(); row++) {
      for (int half = 0; half < HALVES; half++) {
        a.vmovups(total(row, half), PRODUCT);
      }
    }
  }

  @Override
  void block(Tile tile, int pass) {
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
    for (int row = 0; row < tile.rows(); row += ROWS) {
      int rows = Math.min(ROWS, tile.rows() - row);
      for (int group = 0; group < layout.scaleGroups(); group++) {
        sum(row, rows, group);
        for (int i = 0; i < rows; i++) {
          join(row + i, i, group);
        }
      }
    }
  }

  /** With minima there is one group only. */
  private static Vec scales(int group, int half) {
    return ymm(FIRST_SCALES + group * HALVES + half);
  }

  private void unpack(int half) {
    Vec quad = ymm(0);
    Vec high = ymm(1);
    Vec nibbles = ymm(2);
    Vec evenBytes = ymm(3);
    Vec highBits = ymm(5);
    a.vmovups(nibbles, CONSTANTS.at(Constants.NIBBLES));
    a.vmovups(evenBytes, CONSTANTS.at(Constants.EVEN_BYTES));
    for (int j = 0; j < layout.quadVectors(); j++) {
      a.vmovups(quad, weights(j * PackedLayout.QUAD_BYTES + half * VECTOR_BYTES));
      if (layout.type() == ElementType.Q8_0) {
        a.vpsraw(high, quad, 8);
        a.vmovups(pair(j, true, half), high);
        a.vpsllw(quad, quad, 8);
        a.vpsraw(quad, quad, 8);
        a.vmovups(pair(j, false, half), quad);
      } else {
        a.vpsrlw(high, quad, 4);
        a.vpand(high, high, nibbles);
        a.vpand(quad, quad, nibbles);
        if (layout.highBits() > 0) {
          loadHighBits(highBits, j, half);
          addHighBits(quad, j, highBits, ymm(4));
          loadHighBits(highBits, QUADS / 2 + j, half);
          addHighBits(high, QUADS / 2 + j, highBits, ymm(4));
        }
        widen(quad, evenBytes, j, half);
        widen(high, evenBytes, QUADS / 2 + j, half);
      }
    }
  }

  private void loadHighBits(Vec to, int j, int half) {
    a.vmovups(to, weights(layout.highByte(half * LANES, j * PackedLayout.QUAD)));
  }

  /** Unsigned bytes of quad j to its pairs. */
  private void widen(Vec quad, Vec evenBytes, int j, int half) {
    Vec pair = ymm(4);
    a.vpand(pair, quad, evenBytes);
    a.vmovups(pair(j, false, half), pair);
    a.vpsrlw(pair, quad, 8);
    a.vmovups(pair(j, true, half), pair);
  }

  /** Sums of columns that share a scale, for rows [row, row + rows), both halves. */
  private void sum(int row, int rows, int group) {
    OptionalInt zeroPoint = zeroPointSums(group);
    for (int i = 0; zeroPoint.isPresent() && i < rows; i++) {
      a.vpbroadcastd(ymm(i * HALVES), tail(row + i, zeroPoint.getAsInt()));
      a.vmovups(ymm(i * HALVES + 1), ymm(i * HALVES));
    }
    int pairs = 2 * QUADS / layout.scaleGroups();
    int first = group * pairs;
    for (int j = first; j < first + pairs; j++) {
      boolean begins = j == first && zeroPoint.isEmpty();
      for (int half = 0; half < HALVES; half++) {
        a.vmovups(ymm(FIRST_WEIGHTS + half), pair(j / 2, j % 2 == 1, half));
      }
      for (int i = 0; i < rows; i++) {
        a.vpbroadcastd(BROADCAST, activation(row + i, j * 2 * Short.BYTES));
        for (int half = 0; half < HALVES; half++) {
          Vec sum = ymm(i * HALVES + half);
          Vec product = begins ? sum : PRODUCT;
          a.vpmaddwd(product, BROADCAST, ymm(FIRST_WEIGHTS + half));
          if (!begins) {
            a.vpaddd(sum, sum, PRODUCT);
          }
        }
      }
    }
  }

  /** Adds the sums, those of row {@code i} of four, to a row's outputs so far. */
  private void join(int row, int i, int group) {
    Vec scale = ymm(FIRST_WEIGHTS);
    a.vbroadcastss(BROADCAST, tail(row, EmittedRows.SCALE));
    for (int half = 0; half < HALVES; half++) {
      Vec sum = ymm(i * HALVES + half);
      a.vcvtdq2ps(sum, sum);
      a.vmulps(scale, scales(group, half), BROADCAST);
      a.vfmadd213ps(sum, scale, total(row, half));
    }
    if (layout.type().hasMinimum()) {
      a.vbroadcastss(BROADCAST, tail(row, EmittedRows.SCALED_SUM));
    }
    for (int half = 0; half < HALVES; half++) {
      Vec sum = ymm(i * HALVES + half);
      if (layout.type().hasMinimum()) {
        a.vfmadd231ps(sum, ymm(FIRST_MINIMUMS + half), BROADCAST);
      }
      a.vmovups(total(row, half), sum);
    }
  }

  @Override
  void store(Tile tile, int row, int pass, Mem to) {
    for (int half = 0; half < HALVES; half++) {
      a.vmovups(PRODUCT, total(row, half));
      a.vmovups(to.plus(half * VECTOR_BYTES), PRODUCT);
    }
  }

  private static Mem pair(int quad, boolean odd, int half) {
    return Gp.RSP.at(PAIRS + ((quad * 2 + (odd ? 1 : 0)) * HALVES + half) * VECTOR_BYTES);
  }

  private static Mem total(int row, int half) {
    return Gp.RSP.at(TOTALS + (row * HALVES + half) * VECTOR_BYTES);
  }
}
