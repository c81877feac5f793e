package dev.millrace.kernel.emitted;

import static dev.millrace.assembler.Assembler.Condition.NOT_EQUAL;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.Gp;
import dev.millrace.assembler.Label;
import dev.millrace.assembler.Mem;
import dev.millrace.assembler.Vec;
import dev.millrace.kernel.ActivationPrecision;
import java.util.OptionalInt;

/**
 * What the matrix products of all instruction sets share: arguments, strides, the loops over groups
 * and blocks.
 */
abstract class MultiplyEmitter {
  // System V: arguments come in rdi, rsi, rdx, rcx, r8, r9.
  private static final Gp WEIGHTS = Gp.RDI;
  private static final Gp ACTIVATIONS = Gp.RSI;
  private static final Gp Y = Gp.RDX;
  private static final Gp Y_STRIDE = Gp.RCX;
  private static final Gp GROUPS = Gp.R8;
  static final Gp CONSTANTS = Gp.R9;
  private static final Gp WEIGHTS_BLOCK = Gp.R11;
  private static final Gp ACTIVATIONS_BLOCK = Gp.RAX; // of the first activation row
  private static final Gp BLOCKS_LEFT = Gp.R10;
  private static final Gp HEADER = Gp.RBX; // of the blocks that share one; the caller's: saved
  private static final Gp HEADED_BLOCKS_LEFT = Gp.RBP; // as well
  private static final Gp CALLERS_STACK = Gp.R12; // as well
  private static final Gp Y_ROW = Gp.RAX; // when the blocks are done

  private static final int NIBBLE = 4;

  private static final int CACHE_LINE_BYTES = 64;

  /**
   * How far ahead weights are fetched: the CPU's own prefetching doesn't keep up, least beside many
   * activation rows, where it sees loads late. 3 to 6 KiB measure alike.
   */
  private static final int FETCHED_AHEAD_BYTES = 4096;

  final Assembler a;
  final PackedLayout layout;
  final ActivationPrecision precision;
  private final int activationBlockBytes;
  private final int activationRowBytes;

  MultiplyEmitter(Assembler a, PackedLayout layout, ActivationPrecision precision) {
    this.a = a;
    this.layout = layout;
    this.precision = precision;
    boolean quantized = layout.type().isQuantized();
    activationBlockBytes = quantized ? EmittedRows.recordBytes(precision) : Float.BYTES;
    activationRowBytes = Math.multiplyExact(layout.blocks(), activationBlockBytes);
  }

  /** Activation rows that the registers have room for. */
  abstract int maxTile();

  /** Clears the accumulators. */
  abstract void begin(int rows);

  /** Adds one block's products, or one column's. */
  abstract void block(int rows);

  /** Stores a group's outputs of one row. */
  abstract void store(int row, Mem to);

  /** Of the stack that the function needs, from rsp on, which is at a cache line's beginning. */
  int stackBytes() {
    return 0;
  }

  /** The function for {@code rows} rows of activations. */
  final void emit(int rows) {
    Label group = new Label();
    if (hasHeaders()) {
      a.push(HEADER);
      a.push(HEADED_BLOCKS_LEFT);
    }
    if (stackBytes() > 0) {
      a.push(CALLERS_STACK);
      a.mov(CALLERS_STACK, Gp.RSP);
      a.sub(Gp.RSP, stackBytes());
      a.and(Gp.RSP, -CACHE_LINE_BYTES); // else half of all vectors would lie in two lines
    }
    a.bind(group);
    Label headed = new Label();
    Label block = new Label();
    begin(rows);
    a.mov(WEIGHTS_BLOCK, WEIGHTS);
    a.mov(ACTIVATIONS_BLOCK, ACTIVATIONS);
    a.mov(BLOCKS_LEFT, layout.blocks() / layout.blocksOfHeader());
    a.bind(headed);
    if (hasHeaders()) {
      a.mov(HEADER, WEIGHTS_BLOCK);
      a.add(WEIGHTS_BLOCK, layout.headerBytes());
      a.mov(HEADED_BLOCKS_LEFT, layout.blocksOfHeader());
    }
    a.bind(block);
    fetchAhead();
    block(rows);
    a.add(WEIGHTS_BLOCK, layout.blockBytes());
    a.add(ACTIVATIONS_BLOCK, activationBlockBytes);
    if (hasHeaders()) {
      a.sub(HEADED_BLOCKS_LEFT, 1);
      a.jcc(NOT_EQUAL, block);
    }
    a.sub(BLOCKS_LEFT, 1);
    a.jcc(NOT_EQUAL, headed);
    a.mov(Y_ROW, Y);
    for (int row = 0; row < rows; row++) {
      store(row, Y_ROW.at(0));
      a.add(Y_ROW, Y_STRIDE);
    }
    a.add(WEIGHTS, Math.toIntExact(layout.groupBytes()));
    a.add(Y, layout.groupRows() * Float.BYTES);
    a.sub(GROUPS, 1);
    a.jcc(NOT_EQUAL, group);
    a.vzeroupper();
    if (stackBytes() > 0) {
      a.mov(Gp.RSP, CALLERS_STACK);
      a.pop(CALLERS_STACK);
    }
    if (hasHeaders()) {
      a.pop(HEADED_BLOCKS_LEFT);
      a.pop(HEADER);
    }
    a.ret();
  }

  /** At a matrix's end this reaches past it, which is allowed, and finds the next one often. */
  private void fetchAhead() {
    for (int at = 0; at < layout.blockBytes(); at += CACHE_LINE_BYTES) {
      a.prefetcht0(weights(FETCHED_AHEAD_BYTES + at));
    }
  }

  private boolean hasHeaders() {
    return layout.headerBytes() > 0;
  }

  /** Loads the scales of a group of columns, for as many rows as fit, from row {@code lane} on. */
  final void loadScales(Vec to, Vec temporary, int group, int lane) {
    Mem packed = weights(layout.scale(lane, group));
    if (!layout.type().hasSubScales()) {
      a.vcvtph2ps(to, packed);
      return;
    }
    if (layout.type().hasMinimum()) {
      a.vpmovzxbd(to, packed);
    } else {
      a.vpmovsxbd(to, packed); // Q6_K's have signs
    }
    multiplyByHeader(to, temporary, lane * Short.BYTES);
  }

  /** As the scales. */
  final void loadMinimums(Vec to, Vec temporary, int lane) {
    Mem packed = weights(layout.minimum(lane));
    if (layout.type().hasSubScales()) {
      a.vpmovzxbd(to, packed);
      multiplyByHeader(to, temporary, layout.headerMinimumsOffset() + lane * Short.BYTES);
    } else {
      a.vcvtph2ps(to, packed);
    }
  }

  private void multiplyByHeader(Vec to, Vec temporary, int offset) {
    a.vcvtdq2ps(to, to);
    a.vcvtph2ps(temporary, HEADER.at(offset));
    a.vmulps(to, temporary, to);
  }

  /**
   * Puts the bits above nibbles into quad {@code j}'s bytes.
   *
   * @param high the packed ones of this quad's columns
   */
  final void addHighBits(Vec quad, int j, Vec high, Vec temporary) {
    int shift = NIBBLE - layout.highShift(j * PackedLayout.QUAD);
    Vec shifted = shift == 0 ? high : temporary;
    if (shift > 0) {
      a.vpslld(temporary, high, shift);
    } else if (shift < 0) {
      a.vpsrld(temporary, high, -shift);
    }
    Mem mask = CONSTANTS.at(Constants.highBits(layout.highBits()));
    if (quad.width() == Vec.Width.ZMM) {
      a.vpandd(temporary, shifted, mask);
      a.vpord(quad, quad, temporary);
    } else {
      a.vpand(temporary, shifted, mask);
      a.vpor(quad, quad, temporary);
    }
  }

  /** What of a row's tail the weights' zero point takes away; empty if there is none. */
  final OptionalInt zeroPointSums(int group) {
    return switch (layout.type().zeroPoint()) {
      case 8 -> OptionalInt.of(EmittedRows.MINUS_8_SUMS);
      case 16 -> OptionalInt.of(EmittedRows.MINUS_16_SUMS);
      case 32 -> OptionalInt.of(EmittedRows.MINUS_32_SUMS + group * Integer.BYTES);
      default -> OptionalInt.empty();
    };
  }

  /** A place in the current block of weights. */
  final Mem weights(int offset) {
    return WEIGHTS_BLOCK.at(offset);
  }

  /** A place in the current block of an activation row. */
  final Mem activation(int row, int offset) {
    return ACTIVATIONS_BLOCK.at(row * activationRowBytes + offset);
  }

  /** What a block's end needs of an activation row, by {@link EmittedRows}' offsets. */
  final Mem tail(int row, int offset) {
    return activation(row, EmittedRows.valueBytes(precision) + offset);
  }
}
