package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Vec.xmm;
import static dev.millrace.kernel.Kernels.ROW_GROUP;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.ActivationPrecision;

/**
 * Matrix products of plain weights, widened exactly: a lane for each output, k ascending. A sum
 * waits for its last multiply-add, so that there must be many: where activation rows are few,
 * several groups of outputs take their turn at each column.
 */
final class PlainMultiply extends MultiplyEmitter {
  private final Vec.Width width;
  private final int lanes;

  /**
   * @param width of the vectors: YMM for AVX2, ZMM for AVX-512
   */
  PlainMultiply(Assembler a, PackedLayout layout, Vec.Width width) {
    super(a, layout, ActivationPrecision.INT8); // of no consequence: activations aren't rounded
    this.width = width;
    lanes = width.bytes() / Float.BYTES;
  }

  private boolean isAvx512() {
    return width == Vec.Width.ZMM;
  }

  @Override
  int maxTile() {
    return isAvx512() ? MultiplyCode.MAX_TILE : 6;
  }

  /** As many as have accumulators and, with AVX2, a register for each broadcast activation. */
  @Override
  int groupsAtOnce(int rows) {
    if (isAvx512()) {
      return rows <= 4 ? 4 : rows <= 8 ? 2 : 1;
    }
    return rows == 1 ? 4 : rows <= 3 ? 2 : 1;
  }

  /** Vectors of outputs that take their turn at a column. */
  private int vectors(Tile tile) {
    return tile.groups() * ROW_GROUP / lanes;
  }

  private Vec accumulator(int row, int vector, int vectors) {
    return register(row * vectors + vector);
  }

  private Vec register(int number) {
    return xmm(number).as(width);
  }

  @Override
  void begin(Tile tile) {
    for (int i = 0; i < tile.rows() * vectors(tile); i++) {
      a.vpxor(xmm(i), xmm(i), xmm(i)); // clears all of the register
    }
  }

  @Override
  void block(Tile tile) {
    int vectors = vectors(tile);
    int free = tile.rows() * vectors;
    if (isAvx512()) {
      for (int i = 0; i < vectors; i++) {
        load(register(free), i);
        for (int row = 0; row < tile.rows(); row++) {
          Mem activation = activation(row, 0).broadcasting();
          a.vfmadd231ps(accumulator(row, i, vectors), register(free), activation);
        }
      }
    } else if (tile.groups() == 1) { // broadcasts take their turn, against all weights
      Vec broadcast = register(free + vectors);
      for (int i = 0; i < vectors; i++) {
        load(register(free + i), i);
      }
      for (int row = 0; row < tile.rows(); row++) {
        a.vbroadcastss(broadcast, activation(row, 0));
        for (int i = 0; i < vectors; i++) {
          a.vfmadd231ps(accumulator(row, i, vectors), register(free + i), broadcast);
        }
      }
    } else { // weights take their turn, against all broadcasts
      Vec w = register(free + tile.rows());
      for (int row = 0; row < tile.rows(); row++) {
        a.vbroadcastss(register(free + row), activation(row, 0));
      }
      for (int i = 0; i < vectors; i++) {
        load(w, i);
        for (int row = 0; row < tile.rows(); row++) {
          a.vfmadd231ps(accumulator(row, i, vectors), w, register(free + row));
        }
      }
    }
  }

  private void load(Vec w, int vector) {
    int output = vector * lanes;
    int lane = output % ROW_GROUP;
    Mem packed = weights(output / ROW_GROUP, lane * layout.type().blockBytes());
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
  void store(Tile tile, int row, Mem to) {
    int vectors = vectors(tile);
    for (int i = 0; i < vectors; i++) {
      a.vmovups(to.plus(i * width.bytes()), accumulator(row, i, vectors));
    }
  }
}
