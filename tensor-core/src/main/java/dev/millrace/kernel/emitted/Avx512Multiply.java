package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Vec.xmm;
import static dev.millrace.assembler.Vec.zmm;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.tensor.ElementType;
import java.util.OptionalInt;

/**
 * Matrix products of quantized weights with AVX-512 VNNI: a lane for each of a group's 16 outputs.
 * A block's weights are unpacked once into registers, as eight quads of bytes or sixteen pairs of
 * 16-bit numbers, and each activation row's values are broadcast from memory against them
 * (vpdpbusd, vpdpwssd). Sums are modulo 2³² on their way and fit in the end.
 */
final class Avx512Multiply extends MultiplyEmitter {
  private static final int QUADS = 8;

  // int8: zmm0 .. zmm15 are accumulators, an activation row each; zmm16 .. zmm23 quads.
  // int16: zmm0 .. zmm7 accumulators; zmm16 .. zmm23 quads' even bytes, zmm24 .. zmm31 odd ones.
  private static final int FIRST_QUAD = 16;
  private static final int FIRST_ODD = 24;
  private final Vec scales;
  private final Vec minimums;
  private final Vec secondScales; // of types that have two in a block, and no minima
  private final Vec nibbles;
  private final int firstTemporary; // of five

  Avx512Multiply(Assembler a, PackedLayout layout, ActivationPrecision precision) {
    super(a, layout, precision);
    int others = isInt8() ? 24 : 8;
    scales = zmm(others);
    minimums = zmm(others + 1);
    secondScales = minimums;
    nibbles = zmm(others + 2);
    firstTemporary = others + 3;
  }

  private boolean isInt8() {
    return precision == ActivationPrecision.INT8;
  }

  @Override
  int maxTile() {
    return isInt8() ? MultiplyCode.MAX_TILE : 8;
  }

  @Override
  void begin(int rows) {
    for (int row = 0; row < rows; row++) {
      a.vpxor(xmm(row), xmm(row), xmm(row)); // clears all of zmm
    }
    a.vmovups(nibbles, CONSTANTS.at(Constants.NIBBLES));
  }

  @Override
  void block(int rows) {
    unpackQuads();
    if (!isInt8()) {
      widenQuads();
    }
    unpackScales();
    for (int row = 0; row < rows; row++) {
      addRow(row);
    }
  }

  /** Bytes of four columns in each lane; signed for Q8_0 as int16's, else unsigned. */
  private void unpackQuads() {
    if (layout.type() == ElementType.Q8_0) {
      if (isInt8()) {
        a.vmovups(minimums, CONSTANTS.at(Constants.SIGN_BITS));
      }
      for (int j = 0; j < QUADS; j++) {
        Mem packed = weights(j * PackedLayout.QUAD_BYTES);
        if (isInt8()) {
          a.vpxord(zmm(FIRST_QUAD + j), minimums, packed);
        } else {
          a.vmovups(zmm(FIRST_QUAD + j), packed);
        }
      }
      return;
    }
    for (int j = 0; j < layout.quadVectors(); j++) {
      Vec low = zmm(FIRST_QUAD + j);
      Vec high = zmm(FIRST_QUAD + QUADS / 2 + j);
      a.vmovups(low, weights(j * PackedLayout.QUAD_BYTES));
      a.vpsrld(high, low, 4);
      a.vpandd(high, high, nibbles);
      a.vpandd(low, low, nibbles);
    }
    for (int j = 0; layout.highBits() > 0 && j < QUADS; j++) {
      Vec high = zmm(firstTemporary);
      if (layout.highShift(j * PackedLayout.QUAD) == 0) { // the first quad of its vector
        a.vmovups(high, weights(layout.highByte(0, j * PackedLayout.QUAD)));
      }
      addHighBits(zmm(FIRST_QUAD + j), j, high, zmm(firstTemporary + 1));
    }
  }

  /** Quads to their even and odd bytes as 16-bit numbers. */
  private void widenQuads() {
    Vec evenBytes = zmm(firstTemporary);
    a.vmovups(evenBytes, CONSTANTS.at(Constants.EVEN_BYTES));
    for (int j = 0; j < QUADS; j++) {
      Vec even = zmm(FIRST_QUAD + j);
      Vec odd = zmm(FIRST_ODD + j);
      if (layout.type() == ElementType.Q8_0) {
        a.vpsraw(odd, even, 8);
        a.vpsllw(even, even, 8);
        a.vpsraw(even, even, 8);
      } else {
        a.vpsrlw(odd, even, 8);
        a.vpandd(even, even, evenBytes);
      }
    }
  }

  private void unpackScales() {
    Vec temporary = zmm(firstTemporary);
    loadScales(scales, temporary, 0, 0);
    if (layout.scaleGroups() > 1) {
      loadScales(secondScales, temporary, 1, 0);
    }
    if (layout.type().hasMinimum()) {
      loadMinimums(minimums, temporary, 0);
    }
  }

  private void addRow(int row) {
    for (int group = 0; group < layout.scaleGroups(); group++) {
      addGroup(row, group);
    }
    if (layout.type().hasMinimum()) {
      a.vfmadd231ps(zmm(row), minimums, tail(row, EmittedRows.SCALED_SUM).broadcasting());
    }
  }

  /** Of columns that share a scale. */
  private void addGroup(int row, int group) {
    Vec sum = zmm(firstTemporary + (row + group) % (isInt8() ? 3 : 2));
    Vec scale = zmm(firstTemporary + 3 + (row + group) % 2);
    Vec oddSum = zmm(firstTemporary + 2); // apart, for half the wait from the first to the last
    startSum(sum, row, group);
    if (!isInt8()) {
      a.vpxord(oddSum, oddSum, oddSum);
    }
    int quads = QUADS / layout.scaleGroups();
    for (int j = group * quads; j < (group + 1) * quads; j++) {
      if (isInt8()) {
        Mem quad = activation(row, j * PackedLayout.QUAD);
        a.vpdpbusd(sum, zmm(FIRST_QUAD + j), quad.broadcasting());
      } else {
        int even = j * PackedLayout.QUAD * Short.BYTES;
        a.vpdpwssd(sum, zmm(FIRST_QUAD + j), activation(row, even).broadcasting());
        Mem odd = activation(row, even + Integer.BYTES).broadcasting();
        a.vpdpwssd(oddSum, zmm(FIRST_ODD + j), odd);
      }
    }
    if (!isInt8()) {
      a.vpaddd(sum, sum, oddSum);
    }
    a.vcvtdq2ps(sum, sum);
    Vec ofWeights = group == 0 ? scales : secondScales;
    a.vmulps(scale, ofWeights, tail(row, EmittedRows.SCALE).broadcasting());
    a.vfmadd231ps(zmm(row), sum, scale);
  }

  /** With what the weights' zero point takes away. */
  private void startSum(Vec sum, int row, int group) {
    OptionalInt zeroPoint = zeroPointSums(group);
    if (zeroPoint.isPresent()) {
      a.vpbroadcastd(sum, tail(row, zeroPoint.getAsInt()));
    } else if (layout.type() == ElementType.Q8_0 && isInt8()) {
      a.vpbroadcastd(sum, tail(row, EmittedRows.MINUS_128_SUMS));
    } else {
      a.vpxord(sum, sum, sum);
    }
  }

  @Override
  void store(int row, Mem to) {
    a.vmovups(to, zmm(row));
  }
}
