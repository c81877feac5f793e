package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Vec.ymm;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.tensor.ElementType;

/**
 * With int8 activations: products of bytes are added up in 16 bits (vpmaddubsw), as far as they
 * fit.
 */
final class Avx2Multiply extends Avx2TileMultiply {
  private static final int FIRST_MAGNITUDES = 14; // of Q8_0's weights: it has no minima

  Avx2Multiply(Assembler a, PackedLayout layout) {
    super(a, layout, ActivationPrecision.INT8, QUADS * HALVES);
  }

  private boolean isQ8() {
    return layout.type() == ElementType.Q8_0;
  }

  /**
   * Quads whose products' sum fits 16 bits with sign: 8 pairs of 15·127·2 = 3,810, 4 of 31·127·2 =
   * 7,874, 2 of 63·127·2 = 16,002, 1 of 128·127·2 = 32,512.
   */
  private int quadsOfASum() {
    return isQ8() ? 1 : QUADS >> layout.highBits();
  }

  /** Fewer where sums in 16 bits need registers beside those in 32. */
  @Override
  int rowsAtOnce() {
    return layout.highBits() > 0 ? 2 : 4;
  }

  @Override
  void unpack(int half) {
    Vec low = ymm(0);
    Vec high = ymm(1);
    Vec nibbles = ymm(2);
    Vec highBits = ymm(3);
    if (isQ8()) {
      return;
    }
    a.vmovups(nibbles, CONSTANTS.at(Constants.NIBBLES));
    for (int j = 0; j < layout.quadVectors(); j++) {
      a.vmovups(low, weights(j * PackedLayout.QUAD_BYTES + half * VECTOR_BYTES));
      a.vpsrlw(high, low, 4);
      a.vpand(high, high, nibbles);
      a.vpand(low, low, nibbles);
      if (layout.highBits() > 0) {
        loadHighBits(highBits, j, half);
        addHighBits(low, j, highBits, ymm(4));
        loadHighBits(highBits, QUADS / 2 + j, half);
        addHighBits(high, QUADS / 2 + j, highBits, ymm(4));
      }
      a.vmovups(unpacked(j, half), low);
      a.vmovups(unpacked(QUADS / 2 + j, half), high);
    }
  }

  @Override
  void sum(int row, int rows, int group) {
    int quads = QUADS / layout.scaleGroups();
    int first = group * quads;
    for (int j = first; j < first + quads; j++) {
      for (int half = 0; half < HALVES; half++) {
        Vec weights = ymm(FIRST_WEIGHTS + half);
        a.vmovups(weights, isQ8() ? packed(j, half) : unpacked(j, half));
        if (isQ8()) {
          a.vpabsb(ymm(FIRST_MAGNITUDES + half), weights);
        }
      }
      for (int i = 0; i < rows; i++) {
        a.vpbroadcastd(BROADCAST, activation(row + i, j * PackedLayout.QUAD));
        for (int half = 0; half < HALVES; half++) {
          if (isQ8()) {
            addSigned(i, half, j == first);
          } else {
            add(i, half, j - first);
          }
        }
      }
    }
    zeroPointSums(group)
        .ifPresent(
            offset -> {
              for (int i = 0; i < rows; i++) {
                a.vpbroadcastd(BROADCAST, tail(row + i, offset));
                for (int half = 0; half < HALVES; half++) {
                  a.vpaddd(sum(i, half), sum(i, half), BROADCAST);
                }
              }
            });
  }

  private Mem packed(int quad, int half) {
    return weights(quad * PackedLayout.QUAD_BYTES + half * VECTOR_BYTES);
  }

  /**
   * @param index of the quad, among those that share a scale
   */
  private void add(int i, int half, int index) {
    Vec sum = sum(i, half);
    Vec narrow = layout.highBits() > 0 ? ymm(4 + i * HALVES + half) : sum;
    boolean begins = index % quadsOfASum() == 0;
    Vec product = begins ? narrow : PRODUCT;
    a.vpmaddubsw(product, ymm(FIRST_WEIGHTS + half), BROADCAST);
    if (!begins) {
      a.vpaddw(narrow, narrow, PRODUCT);
    }
    if ((index + 1) % quadsOfASum() == 0) {
      boolean isFirst = index + 1 == quadsOfASum();
      a.vpmaddwd(isFirst ? sum : narrow, narrow, CONSTANTS.at(Constants.ONES));
      if (!isFirst) {
        a.vpaddd(sum, sum, narrow);
      }
    }
  }

  /** Magnitudes of weights times activations that have taken the weights' signs. */
  private void addSigned(int i, int half, boolean begins) {
    Vec product = begins ? sum(i, half) : PRODUCT;
    a.vpsignb(product, BROADCAST, ymm(FIRST_WEIGHTS + half));
    a.vpmaddubsw(product, ymm(FIRST_MAGNITUDES + half), product);
    a.vpmaddwd(product, product, CONSTANTS.at(Constants.ONES));
    if (!begins) {
      a.vpaddd(sum(i, half), sum(i, half), PRODUCT);
    }
  }
}
