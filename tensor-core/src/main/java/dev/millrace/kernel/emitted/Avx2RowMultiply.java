package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Vec.ymm;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.tensor.ElementType;

/**
 * Products of quantized weights and a single row of activations with AVX2. Weights are met once, so
 * they are used as they are unpacked, both halves of a group's 16 outputs in one pass: memory is
 * read in one stream, ahead of need.
 */
final class Avx2RowMultiply extends MultiplyEmitter {
  private static final int HALVES = 2;
  private static final int LANES = 8;
  private static final int LANES_BYTES = 32;

  /** Half of a block's quads: those in low nibbles, and as many in high ones. */
  private static final int QUADS = 4;

  // ymm0, ymm1: the halves' accumulators.
  private static final int FIRST_SUM = 2; // [half][low or high quads], to 5
  private static final int FIRST_ACTIVATIONS = 6; // [low or high quads][even or odd pairs], to 9
  private static final Vec SCALE = ymm(6); // at a block's end, in place of activations
  private static final Vec SCALED_SUM = ymm(7);
  private static final Vec OF_WEIGHTS = ymm(8);
  private static final Vec NIBBLES = ymm(10);
  private static final Vec ONES = ymm(11); // int8
  private static final Vec EVEN_BYTES = ymm(11); // int16
  private static final int FIRST_QUAD = 12; // of low nibbles, then of high ones
  private static final Vec PRODUCT = ymm(14);
  private static final Vec TEMPORARY = ymm(15);

  Avx2RowMultiply(Assembler a, PackedLayout layout, ActivationPrecision precision) {
    super(a, layout, precision);
  }

  private boolean isInt8() {
    return precision == ActivationPrecision.INT8;
  }

  private boolean isSigned() {
    return layout.type() == ElementType.Q8_0;
  }

  /** Whether four pairs of products add up in 16 bits: of four bits and of five (31·127·2·4). */
  private boolean addsWords() {
    return isInt8() && !isSigned() && layout.highBits() < 2;
  }

  @Override
  int maxTile() {
    return 1;
  }

  @Override
  void begin(int rows) {
    for (int half = 0; half < HALVES; half++) {
      a.vpxor(ymm(half), ymm(half), ymm(half));
    }
    a.vmovups(NIBBLES, CONSTANTS.at(Constants.NIBBLES));
    a.vmovups(ONES, CONSTANTS.at(isInt8() ? Constants.ONES : Constants.EVEN_BYTES));
  }

  @Override
  void block(int rows) {
    for (int j = 0; j < QUADS; j++) {
      loadActivations(j);
      for (int half = 0; half < HALVES; half++) {
        if (isSigned()) {
          for (int part = 0; part < 2; part++) {
            addSignedQuad(j, part, half);
          }
        } else {
          unpack(j, half);
          for (int part = 0; part < 2; part++) {
            addQuad(j, part, half);
          }
        }
      }
    }
    a.vbroadcastss(SCALE, tail(0, EmittedRows.SCALE));
    if (layout.type().hasMinimum()) {
      a.vbroadcastss(SCALED_SUM, tail(0, EmittedRows.SCALED_SUM));
    }
    for (int half = 0; half < HALVES; half++) {
      join(half);
    }
  }

  /** Of low and high quad {@code j}. */
  private void loadActivations(int j) {
    for (int part = 0; part < 2; part++) {
      int column = (j + part * QUADS) * PackedLayout.QUAD;
      if (isInt8()) {
        a.vpbroadcastd(activations(part, 0), activation(0, column));
      } else {
        a.vpbroadcastd(activations(part, 0), activation(0, column * Short.BYTES));
        a.vpbroadcastd(activations(part, 1), activation(0, column * Short.BYTES + Integer.BYTES));
      }
    }
  }

  private static Vec activations(int part, int odd) {
    return ymm(FIRST_ACTIVATIONS + part * 2 + odd);
  }

  private static Vec sum(int half, int part) {
    return ymm(FIRST_SUM + half * 2 + part);
  }

  /** Low and high quad {@code j} of one half into their registers, unsigned. */
  private void unpack(int j, int half) {
    Vec low = ymm(FIRST_QUAD);
    Vec high = ymm(FIRST_QUAD + 1);
    a.vmovups(low, weights(j * PackedLayout.QUAD_BYTES + half * LANES_BYTES));
    a.vpsrlw(high, low, 4);
    a.vpand(high, high, NIBBLES);
    a.vpand(low, low, NIBBLES);
    for (int part = 0; layout.highBits() > 0 && part < 2; part++) {
      int quad = j + part * QUADS;
      int packed = layout.highByte(half * LANES, quad * PackedLayout.QUAD);
      a.vmovups(PRODUCT, weights(packed));
      addHighBits(ymm(FIRST_QUAD + part), quad, PRODUCT, TEMPORARY);
    }
  }

  /** Adds an unpacked quad's products. */
  private void addQuad(int j, int part, int half) {
    Vec quad = ymm(FIRST_QUAD + part);
    if (isInt8()) {
      Vec product = target(j, part, half);
      a.vpmaddubsw(product, quad, activations(part, 0));
      add(j, product, part, half);
    } else {
      Vec even = target(j, part, half);
      a.vpand(even, quad, EVEN_BYTES);
      a.vpmaddwd(even, even, activations(part, 0));
      add(j, even, part, half);
      a.vpsrlw(quad, quad, 8);
      addPairs(quad, part, half);
    }
  }

  /** As addQuad, of bytes with sign. */
  private void addSignedQuad(int j, int part, int half) {
    Vec quad = ymm(FIRST_QUAD + part);
    Mem packed = weights((j + part * QUADS) * PackedLayout.QUAD_BYTES + half * LANES_BYTES);
    Vec product = target(j, part, half);
    if (isInt8()) { // magnitudes times activations that have taken the weights' signs
      a.vmovups(TEMPORARY, packed);
      a.vpabsb(quad, TEMPORARY);
      a.vpsignb(product, activations(part, 0), TEMPORARY);
      a.vpmaddubsw(product, quad, product);
      add(j, product, part, half);
    } else {
      a.vmovups(quad, packed);
      a.vpsllw(product, quad, 8);
      a.vpsraw(product, product, 8);
      a.vpmaddwd(product, product, activations(part, 0));
      add(j, product, part, half);
      a.vpsraw(quad, quad, 8);
      addPairs(quad, part, half);
    }
  }

  /** Where products go: a block's first ones become the sum. */
  private Vec target(int j, int part, int half) {
    return j == 0 ? sum(half, part) : PRODUCT;
  }

  private void add(int j, Vec product, int part, int half) {
    if (addsWords()) {
      if (j > 0) {
        a.vpaddw(sum(half, part), sum(half, part), product);
      }
      return;
    }
    if (isInt8()) {
      a.vpmaddwd(product, product, ONES);
    }
    if (j > 0) {
      a.vpaddd(sum(half, part), sum(half, part), product);
    }
  }

  private void addPairs(Vec odd, int part, int half) {
    a.vpmaddwd(odd, odd, activations(part, 1));
    a.vpaddd(sum(half, part), sum(half, part), odd);
  }

  /** Adds a half's sums to its accumulator. */
  private void join(int half) {
    Vec low = sum(half, 0);
    Vec high = sum(half, 1);
    if (addsWords()) {
      if (layout.highBits() == 0) { // all eight quads fit 16 bits: 15·127·2·8
        a.vpaddw(low, low, high);
        a.vpmaddwd(low, low, ONES);
      } else {
        a.vpmaddwd(low, low, ONES);
        a.vpmaddwd(high, high, ONES);
        a.vpaddd(low, low, high);
      }
    } else if (layout.scaleGroups() == 1) {
      a.vpaddd(low, low, high);
    }
    for (int group = 0; group < layout.scaleGroups(); group++) {
      Vec sum = sum(half, group);
      zeroPointSums(group)
          .ifPresent(
              offset -> {
                a.vpbroadcastd(TEMPORARY, tail(0, offset));
                a.vpaddd(sum, sum, TEMPORARY);
              });
      a.vcvtdq2ps(sum, sum);
      loadScales(OF_WEIGHTS, TEMPORARY, group, half * LANES);
      a.vmulps(OF_WEIGHTS, OF_WEIGHTS, SCALE);
      a.vfmadd231ps(ymm(half), sum, OF_WEIGHTS);
    }
    if (layout.type().hasMinimum()) {
      loadMinimums(OF_WEIGHTS, TEMPORARY, half * LANES);
      a.vfmadd231ps(ymm(half), OF_WEIGHTS, SCALED_SUM);
    }
  }

  @Override
  void store(int row, Mem to) {
    for (int half = 0; half < HALVES; half++) {
      a.vmovups(to.plus(half * LANES_BYTES), ymm(half));
    }
  }
}
