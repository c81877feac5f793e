package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Vec.xmm;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.ActivationPrecision;

/**
 * Matrix products of plain weights, widened exactly: a lane for each output, k ascending. Groups go
 * one after the other, so that memory is read in one stream.
 */
final class PlainMultiply extends MultiplyEmitter {
  private final Vec.Width width;
  private final int lanes;
  private final int vectors; // of a group's outputs

  PlainMultiply(Assembler a, PackedLayout layout) {
    super(a, layout, ActivationPrecision.INT8); // of no consequence: activations aren't rounded
    width = layout.isa() == Isa.AVX512 ? Vec.Width.ZMM : Vec.Width.YMM;
    lanes = width.bytes() / Float.BYTES;
    vectors = layout.groupRows() / lanes;
  }

  private boolean isAvx512() {
    return width == Vec.Width.ZMM;
  }

  /** As many as have accumulators, beside weights and, with AVX2, a broadcast activation. */
  @Override
  int maxTile() {
    return isAvx512() ? MultiplyCode.MAX_TILE / vectors : 6;
  }

  private Vec accumulator(int row, int vector) {
    return register(row * vectors + vector);
  }

  private Vec register(int number) {
    return xmm(number).as(width);
  }

  @Override
  void begin(int rows) {
    for (int i = 0; i < rows * vectors; i++) {
      a.vpxor(xmm(i), xmm(i), xmm(i)); // clears all of the register
    }
  }

  @Override
  void block(int rows) {
    int free = rows * vectors;
    for (int i = 0; i < vectors; i++) {
      load(register(free + i), i);
    }
    for (int row = 0; row < rows; row++) {
      if (isAvx512()) {
        for (int i = 0; i < vectors; i++) {
          Mem activation = activation(row, 0).broadcasting();
          a.vfmadd231ps(accumulator(row, i), register(free + i), activation);
        }
      } else {
        Vec broadcast = register(free + vectors);
        a.vbroadcastss(broadcast, activation(row, 0));
        for (int i = 0; i < vectors; i++) {
          a.vfmadd231ps(accumulator(row, i), register(free + i), broadcast);
        }
      }
    }
  }

  private void load(Vec w, int vector) {
    Mem packed = weights(vector * lanes * layout.type().blockBytes());
    switch (layout.type()) {
      case F16 -> a.vcvtph2ps(w, packed);
      case BF16 -> {
        a.vpmovzxwd(w, packed);
        a.vpslld(w, w, 16);
      }
      default -> a.vmovups(w, packed);
    }
  }

  @Override
  void store(int row, Mem to) {
    for (int i = 0; i < vectors; i++) {
      a.vmovups(to.plus(i * width.bytes()), accumulator(row, i));
    }
  }
}
