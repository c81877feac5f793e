package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Vec.xmm;
import static dev.millrace.assembler.Vec.ymm;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Gp;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.tensor.ElementType;

/**
 * Matrix products of quantized weights and int8 activations with AVX2: a lane for each of 8
 * outputs, so two passes over a group's 16. A block of weights is unpacked into eight registers,
 * and products of bytes are added up in 16 bits (vpmaddubsw) as far as they fit.
 */
final class Avx2Multiply extends MultiplyEmitter {
  private static final int QUADS = 8;
  private static final int LANES = 8;
  private static final int LANES_BYTES = 32;

  // ymm0 .. ymm3: an accumulator for each activation row.
  private static final int FIRST_QUAD = 4; // to 11
  private static final Vec ONES = ymm(12);
  private static final Vec SUM = ymm(13);
  private static final Vec TOTAL = ymm(14);
  private static final Vec PRODUCT = ymm(15);

  // The stack: a block's scales, by group, then its minima.
  private static final int SCALES = 0;
  private static final int MINIMUMS = 2 * LANES_BYTES;

  Avx2Multiply(Assembler a, PackedLayout layout) {
    super(a, layout, ActivationPrecision.INT8);
  }

  @Override
  int maxTile() {
    return 4;
  }

  @Override
  int passes(Tile tile) {
    return 2;
  }

  @Override
  int stackBytes() {
    return MINIMUMS + LANES_BYTES;
  }

  @Override
  void begin(Tile tile) {
    for (int row = 0; row < tile.rows(); row++) {
      a.vpxor(xmm(row), xmm(row), xmm(row));
    }
    a.vmovups(ONES, CONSTANTS.at(Constants.ONES));
  }

  @Override
  void block(Tile tile, int pass) {
    if (layout.type() == ElementType.Q8_0) {
      takeMagnitudes(pass);
    } else {
      unpack(pass);
    }
    unpackScales(pass);
    for (int row = 0; row < tile.rows(); row++) {
      for (int group = 0; group < layout.scaleGroups(); group++) {
        if (layout.type() == ElementType.Q8_0) {
          sumSignedBytes(row, pass);
        } else {
          sumNibbles(row, group);
        }
        addScaled(row, group);
      }
      if (layout.type().hasMinimum()) {
        a.vbroadcastss(SUM, tail(row, EmittedRows.SCALED_SUM));
        a.vfmadd231ps(ymm(row), SUM, Gp.RSP.at(MINIMUMS));
      }
    }
  }

  private void unpack(int pass) {
    Vec nibbles = TOTAL;
    a.vmovups(nibbles, CONSTANTS.at(Constants.NIBBLES));
    for (int j = 0; j < layout.quadVectors(); j++) {
      Vec low = ymm(FIRST_QUAD + j);
      Vec high = ymm(FIRST_QUAD + QUADS / 2 + j);
      a.vmovups(low, weights(j * PackedLayout.QUAD_BYTES + pass * LANES_BYTES));
      a.vpsrlw(high, low, 4);
      a.vpand(high, high, nibbles);
      a.vpand(low, low, nibbles);
    }
    for (int j = 0; layout.highBits() > 0 && j < QUADS; j++) {
      Vec high = TOTAL;
      if (layout.highShift(j * PackedLayout.QUAD) == 0) { // the first quad of its vector
        a.vmovups(high, weights(layout.highByte(pass * LANES, j * PackedLayout.QUAD)));
      }
      addHighBits(ymm(FIRST_QUAD + j), j, high, PRODUCT);
    }
  }

  private void takeMagnitudes(int pass) {
    for (int j = 0; j < QUADS; j++) {
      a.vpabsb(ymm(FIRST_QUAD + j), weights(j * PackedLayout.QUAD_BYTES + pass * LANES_BYTES));
    }
  }

  private void unpackScales(int pass) {
    int lane = pass * LANES;
    for (int group = 0; group < layout.scaleGroups(); group++) {
      loadScales(SUM, PRODUCT, group, lane);
      a.vmovups(scales(group), SUM);
    }
    if (layout.type().hasMinimum()) {
      loadMinimums(SUM, PRODUCT, lane);
      a.vmovups(Gp.RSP.at(MINIMUMS), SUM);
    }
  }

  private static Mem scales(int group) {
    return Gp.RSP.at(SCALES + group * LANES_BYTES);
  }

  /**
   * Quads whose products' sum fits 16 bits with sign: 8 pairs of 15·127·2 = 3,810, 4 of 31·127·2 =
   * 7,874, 2 of 63·127·2 = 16,002.
   */
  private int quadsOfASum() {
    return QUADS >> layout.highBits();
  }

  /** Columns that share a scale, times a row: the sum in TOTAL. */
  private void sumNibbles(int row, int group) {
    int quads = QUADS / layout.scaleGroups();
    int first = group * quads;
    for (int j = first; j < first + quads; j++) {
      boolean begins = j % quadsOfASum() == 0;
      Vec product = begins ? SUM : PRODUCT;
      a.vpbroadcastd(product, activation(row, j * PackedLayout.QUAD));
      a.vpmaddubsw(product, ymm(FIRST_QUAD + j), product);
      if (!begins) {
        a.vpaddw(SUM, SUM, PRODUCT);
      }
      if ((j + 1) % quadsOfASum() == 0) {
        boolean firstSum = j + 1 == first + quadsOfASum();
        a.vpmaddwd(firstSum ? TOTAL : SUM, SUM, ONES);
        if (!firstSum) {
          a.vpaddd(TOTAL, TOTAL, SUM);
        }
      }
    }
    zeroPointSums(group)
        .ifPresent(
            offset -> {
              a.vpbroadcastd(SUM, tail(row, offset));
              a.vpaddd(TOTAL, TOTAL, SUM);
            });
  }

  /**
   * Magnitudes of weights times activations that have taken the weights' signs: a pair fits 16 bits
   * (128·127·2 = 32,512), a sum of pairs doesn't.
   */
  private void sumSignedBytes(int row, int pass) {
    for (int j = 0; j < QUADS; j++) {
      Vec product = j == 0 ? TOTAL : PRODUCT;
      a.vpbroadcastd(product, activation(row, j * PackedLayout.QUAD));
      a.vpsignb(product, product, weights(j * PackedLayout.QUAD_BYTES + pass * LANES_BYTES));
      a.vpmaddubsw(product, ymm(FIRST_QUAD + j), product);
      a.vpmaddwd(product, product, ONES);
      if (j > 0) {
        a.vpaddd(TOTAL, TOTAL, PRODUCT);
      }
    }
  }

  private void addScaled(int row, int group) {
    a.vcvtdq2ps(TOTAL, TOTAL);
    a.vbroadcastss(SUM, tail(row, EmittedRows.SCALE));
    a.vmulps(SUM, SUM, scales(group));
    a.vfmadd231ps(ymm(row), TOTAL, SUM);
  }

  @Override
  void store(Tile tile, int row, int pass, Mem to) {
    a.vmovups(to.plus(pass * LANES_BYTES), ymm(row));
  }
}
