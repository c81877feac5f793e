package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Vec.xmm;
import static dev.millrace.assembler.Vec.zmm;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;

/**
 * Matrix products with AVX-512 VNNI: a lane for each of a group's 16 outputs. A block's weights are
 * unpacked once into eight registers, and each activation row's four-byte quads are broadcast from
 * memory against them (vpdpbusd).
 */
final class Avx512Multiply extends MultiplyEmitter {
  private static final int QUADS = 8;

  // zmm0 .. zmm15: an accumulator for each activation row.
  private static final int FIRST_QUAD = 16; // to 23
  private static final Vec SCALES = zmm(24);
  private static final Vec MINIMUMS = zmm(25);
  private static final Vec NIBBLES = zmm(26);
  private static final int FIRST_TEMPORARY = 27; // to 31

  Avx512Multiply(Assembler a, PackedLayout layout) {
    super(a, layout);
  }

  @Override
  int maxTile() {
    return MultiplyCode.MAX_TILE;
  }

  @Override
  int passes() {
    return 1;
  }

  @Override
  void begin(int tile) {
    for (int row = 0; row < tile; row++) {
      a.vpxor(xmm(row), xmm(row), xmm(row)); // clears all of zmm
    }
    if (layout.type().isQuantized()) {
      a.vmovups(NIBBLES, CONSTANTS.at(Constants.NIBBLES));
    }
  }

  @Override
  void block(int tile, int pass) {
    switch (layout.type()) {
      case F32, F16, BF16 -> column(tile);
      case Q4_0, Q4_1, Q8_0 -> {
        unpack();
        for (int row = 0; row < tile; row++) {
          quantizedRow(row);
        }
      }
    }
  }

  private void column(int tile) {
    Vec w = zmm(FIRST_QUAD);
    switch (layout.type()) {
      case F16 -> a.vcvtph2ps(w, weights(0));
      case BF16 -> {
        a.vpmovzxwd(w, weights(0));
        a.vpslld(w, w, 16);
      }
      default -> a.vmovups(w, weights(0));
    }
    for (int row = 0; row < tile; row++) {
      a.vfmadd231ps(zmm(row), w, activation(row, 0).broadcasting());
    }
  }

  private void unpack() {
    for (int j = 0; j < layout.quadVectors(); j++) {
      Vec low = zmm(FIRST_QUAD + j);
      a.vmovups(low, weights(j * PackedLayout.QUAD_BYTES));
      if (layout.quadVectors() < QUADS) {
        Vec high = zmm(FIRST_QUAD + QUADS / 2 + j);
        a.vpsrld(high, low, 4);
        a.vpandd(high, high, NIBBLES);
        a.vpandd(low, low, NIBBLES);
      }
    }
    a.vcvtph2ps(SCALES, weights(layout.scalesOffset()));
    if (layout.hasMinimums()) {
      a.vcvtph2ps(MINIMUMS, weights(layout.minimumsOffset()));
    }
  }

  private void quantizedRow(int row) {
    Vec sum = zmm(FIRST_TEMPORARY + row % 3); // in turn, so that rows overlap
    Vec scale = zmm(FIRST_TEMPORARY + 3 + row % 2);
    switch (layout.type()) {
      case Q4_0 -> a.vpbroadcastd(sum, activation(row, EmittedRows.MINUS_8_SUMS));
      case Q8_0 -> a.vpbroadcastd(sum, activation(row, EmittedRows.MINUS_128_SUMS));
      default -> a.vpxord(sum, sum, sum);
    }
    for (int j = 0; j < QUADS; j++) {
      a.vpdpbusd(sum, zmm(FIRST_QUAD + j), activation(row, j * PackedLayout.QUAD).broadcasting());
    }
    a.vcvtdq2ps(sum, sum);
    a.vmulps(scale, SCALES, activation(row, EmittedRows.SCALE).broadcasting());
    a.vfmadd231ps(zmm(row), sum, scale);
    if (layout.hasMinimums()) {
      a.vfmadd231ps(zmm(row), MINIMUMS, activation(row, EmittedRows.SCALED_SUM).broadcasting());
    }
  }

  @Override
  void store(int row, Mem to) {
    a.vmovups(to, zmm(row));
  }
}
