package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Vec.xmm;
import static dev.millrace.assembler.Vec.ymm;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.tensor.ElementType;

/**
 * Matrix products with AVX2, of plain weights and of quantized ones with int8 activations: a lane
 * for each of 8 outputs, so two passes over a group's 16. A block of 4-bit weights is unpacked into
 * eight registers; products of bytes are added up in 16 bits (vpmaddubsw): at most 15·127·2 a pair,
 * and eight of them, 30,480, still fit. A pair of bytes fits as well, but no sum of pairs:
 * 128·127·2 = 32,512.
 */
final class Avx2Multiply extends MultiplyEmitter {
  private static final int QUADS = 8;
  private static final int LANES_BYTES = 32;

  // ymm0 .. ymm3: an accumulator for each activation row.
  private static final int FIRST_QUAD = 4; // to 11
  private static final Vec SCALES = ymm(12);
  private static final Vec SUM = ymm(13);
  private static final Vec BROADCAST = ymm(14);
  private static final Vec PRODUCT = ymm(15);

  Avx2Multiply(Assembler a, PackedLayout layout) {
    super(a, layout, ActivationPrecision.INT8);
  }

  @Override
  int maxTile() {
    return layout.type().isQuantized() ? 4 : 12;
  }

  @Override
  int passes() {
    return 2;
  }

  @Override
  void begin(int tile) {
    for (int row = 0; row < tile; row++) {
      a.vpxor(xmm(row), xmm(row), xmm(row));
    }
  }

  @Override
  void block(int tile, int pass) {
    switch (layout.type()) {
      case F32, F16, BF16 -> column(tile, pass);
      case Q4_0, Q4_1 -> {
        unpack(pass);
        for (int row = 0; row < tile; row++) {
          nibblesRow(row, pass);
        }
      }
      case Q8_0 -> {
        takeMagnitudes(pass);
        a.vcvtph2ps(SCALES, weights(layout.scalesOffset() + pass * LANES_BYTES / 2));
        for (int row = 0; row < tile; row++) {
          bytesRow(row, pass);
        }
      }
    }
  }

  private void column(int tile, int pass) {
    Vec w = SCALES;
    int lanes = pass * 8;
    switch (layout.type()) {
      case F16 -> a.vcvtph2ps(w, weights(lanes * Short.BYTES));
      case BF16 -> {
        a.vpmovzxwd(w, weights(lanes * Short.BYTES));
        a.vpslld(w, w, 16);
      }
      default -> a.vmovups(w, weights(lanes * Float.BYTES));
    }
    for (int row = 0; row < tile; row++) {
      a.vbroadcastss(BROADCAST, activation(row, 0));
      a.vfmadd231ps(ymm(row), w, BROADCAST);
    }
  }

  private void unpack(int pass) {
    a.vmovups(BROADCAST, CONSTANTS.at(Constants.NIBBLES));
    for (int j = 0; j < layout.quadVectors(); j++) {
      Vec low = ymm(FIRST_QUAD + j);
      Vec high = ymm(FIRST_QUAD + QUADS / 2 + j);
      a.vmovups(low, weights(j * PackedLayout.QUAD_BYTES + pass * LANES_BYTES));
      a.vpsrlw(high, low, 4);
      a.vpand(high, high, BROADCAST);
      a.vpand(low, low, BROADCAST);
    }
    a.vcvtph2ps(SCALES, weights(layout.scalesOffset() + pass * LANES_BYTES / 2));
  }

  private void nibblesRow(int row, int pass) {
    for (int j = 0; j < QUADS; j++) {
      Vec product = j == 0 ? SUM : PRODUCT;
      a.vpbroadcastd(BROADCAST, activation(row, j * PackedLayout.QUAD));
      a.vpmaddubsw(product, ymm(FIRST_QUAD + j), BROADCAST);
      if (j > 0) {
        a.vpaddw(SUM, SUM, PRODUCT);
      }
    }
    a.vpmaddwd(SUM, SUM, CONSTANTS.at(Constants.ONES));
    if (layout.type() == ElementType.Q4_0) {
      a.vpbroadcastd(BROADCAST, tail(row, EmittedRows.MINUS_8_SUMS));
      a.vpaddd(SUM, SUM, BROADCAST);
    }
    addScaled(row);
    if (layout.hasMinimums()) {
      a.vcvtph2ps(SUM, weights(layout.minimumsOffset() + pass * LANES_BYTES / 2));
      a.vbroadcastss(BROADCAST, tail(row, EmittedRows.SCALED_SUM));
      a.vfmadd231ps(ymm(row), SUM, BROADCAST);
    }
  }

  private void takeMagnitudes(int pass) {
    for (int j = 0; j < QUADS; j++) {
      a.vpabsb(ymm(FIRST_QUAD + j), weights(j * PackedLayout.QUAD_BYTES + pass * LANES_BYTES));
    }
  }

  /** Magnitudes of weights times activations that have taken the weights' signs. */
  private void bytesRow(int row, int pass) {
    a.vpxor(SUM, SUM, SUM);
    for (int j = 0; j < QUADS; j++) {
      a.vpbroadcastd(PRODUCT, activation(row, j * PackedLayout.QUAD));
      a.vpsignb(PRODUCT, PRODUCT, weights(j * PackedLayout.QUAD_BYTES + pass * LANES_BYTES));
      a.vpmaddubsw(PRODUCT, ymm(FIRST_QUAD + j), PRODUCT);
      a.vpmaddwd(PRODUCT, PRODUCT, CONSTANTS.at(Constants.ONES));
      a.vpaddd(SUM, SUM, PRODUCT);
    }
    addScaled(row);
  }

  private void addScaled(int row) {
    a.vcvtdq2ps(SUM, SUM);
    a.vbroadcastss(BROADCAST, tail(row, EmittedRows.SCALE));
    a.vmulps(BROADCAST, SCALES, BROADCAST);
    a.vfmadd231ps(ymm(row), SUM, BROADCAST);
  }

  @Override
  void store(int row, Mem to) {
    a.vmovups(to, ymm(row));
  }
}
