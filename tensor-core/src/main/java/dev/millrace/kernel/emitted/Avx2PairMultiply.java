package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Vec.ymm;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.tensor.ElementType;
import java.util.OptionalInt;

/** With int16 activations: weights become 16-bit pairs, for vpmaddwd. */
final class Avx2PairMultiply extends Avx2TileMultiply {
  Avx2PairMultiply(Assembler a, PackedLayout layout) {
    super(a, layout, ActivationPrecision.INT16, 2 * QUADS * HALVES);
  }

  @Override
  int rowsAtOnce() {
    return 4;
  }

  @Override
  void unpack(int half) {
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

  /** Unsigned bytes of quad j to its pairs. */
  private void widen(Vec quad, Vec evenBytes, int j, int half) {
    Vec pair = ymm(4);
    a.vpand(pair, quad, evenBytes);
    a.vmovups(pair(j, false, half), pair);
    a.vpsrlw(pair, quad, 8);
    a.vmovups(pair(j, true, half), pair);
  }

  @Override
  void sum(int row, int rows, int group) {
    OptionalInt zeroPoint = zeroPointSums(group);
    for (int i = 0; zeroPoint.isPresent() && i < rows; i++) {
      a.vpbroadcastd(sum(i, 0), tail(row + i, zeroPoint.getAsInt()));
      a.vmovups(sum(i, 1), sum(i, 0));
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
          Vec sum = sum(i, half);
          Vec product = begins ? sum : PRODUCT;
          a.vpmaddwd(product, BROADCAST, ymm(FIRST_WEIGHTS + half));
          if (!begins) {
            a.vpaddd(sum, sum, PRODUCT);
          }
        }
      }
    }
  }

  private static Mem pair(int quad, boolean odd, int half) {
    return unpacked(quad * 2 + (odd ? 1 : 0), half);
  }
}
