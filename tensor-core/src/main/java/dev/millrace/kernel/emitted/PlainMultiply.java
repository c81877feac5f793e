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
  private final Isa isa;
  private final int lanes; // of a vector
  private final int vectors; // of a group's outputs

  PlainMultiply(Assembler a, PackedLayout layout) {
    super(a, layout, ActivationPrecision.INT8); // of no consequence: activations aren't rounded
    isa = layout.isa();
    lanes = isa.lanes();
    vectors = layout.groupRows() / lanes;
  }

  /** As many as have accumulators, beside weights and, with AVX2, a broadcast activation. */
  @Override
  int maxTile() {
    return isa == Isa.AVX512 ? MultiplyCode.MAX_TILE / vectors : 6;
  }

  private Vec accumulator(int row, int vector) {
    return isa.register(row * vectors + vector);
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
      load(isa.register(free + i), i);
    }
    for (int row = 0; row < rows; row++) {
      if (isa == Isa.AVX512) {
        for (int i = 0; i < vectors; i++) {
          Mem activation = activation(row, 0).broadcasting();
          a.vfmadd231ps(accumulator(row, i), isa.register(free + i), activation);
        }
      } else {
        Vec broadcast = isa.register(free + vectors);
        a.vbroadcastss(broadcast, activation(row, 0));
        for (int i = 0; i < vectors; i++) {
          a.vfmadd231ps(accumulator(row, i), isa.register(free + i), broadcast);
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
      a.vmovups(to.plus(i * lanes * Float.BYTES), accumulator(row, i));
    }
  }
}
