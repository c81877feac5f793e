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
    return isAvx512() ? MultiplyCode.MAX_TILE : 12;
  }

  /** As many as have accumulators and, with AVX2, broadcast activations in registers. */
  @Override
  int groupsAtOnce(int rows) {
    if (isAvx512()) {
      return rows <= 4 ? 4 : rows <= 8 ? 2 : 1;
    }
    return rows == 1 ? 4 : rows <= 3 ? 2 : 1;
  }

  @Override
  int passes(Tile tile) {
    return isAvx512() || tile.rows() <= 5 ? 1 : ROW_GROUP / lanes;
  }

  /** Vectors of outputs that take their turn at a column. */
  private int vectors(Tile tile) {
    return tile.groups() * ROW_GROUP / lanes / passes(tile);
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
  void block(Tile tile, int pass) {
    int vectors = vectors(tile);
    int free = tile.rows() * vectors;
    Vec w = register(free++);
    boolean kept = !isAvx512() && vectors > 1; // broadcast activations, one register each
    for (int row = 0; kept && row < tile.rows(); row++) {
      a.vbroadcastss(register(free + row), activation(row, 0));
    }
    for (int i = 0; i < vectors; i++) {
      int lane = (pass * vectors + i) * lanes;
      load(w, lane / ROW_GROUP, lane % ROW_GROUP);
      for (int row = 0; row < tile.rows(); row++) {
        Vec to = accumulator(row, i, vectors);
        if (isAvx512()) {
          a.vfmadd231ps(to, w, activation(row, 0).broadcasting());
        } else if (kept) {
          a.vfmadd231ps(to, w, register(free + row));
        } else {
          a.vbroadcastss(register(free), activation(row, 0));
          a.vfmadd231ps(to, w, register(free));
        }
      }
    }
  }

  private void load(Vec w, int group, int lane) {
    Mem packed = weights(group, lane * layout.type().blockBytes());
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
  void store(Tile tile, int row, int pass, Mem to) {
    int vectors = vectors(tile);
    for (int i = 0; i < vectors; i++) {
      int offset = (pass * vectors + i) * width.bytes();
      a.vmovups(to.plus(offset), accumulator(row, i, vectors));
    }
  }
}
