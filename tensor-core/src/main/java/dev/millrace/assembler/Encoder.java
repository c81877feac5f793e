package dev.millrace.assembler;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Bytes of instructions: REX, VEX and EVEX prefixes, ModRM, SIB, displacements (Intel SDM volume 2,
 * chapter 2). Knows nothing of what instructions do; {@link Assembler} names them.
 */
final class Encoder {
  private byte[] code = new byte[4096];
  private int size;

  int size() {
    return size;
  }

  byte[] code() {
    return Arrays.copyOf(code, size);
  }

  void bytes(int... values) {
    for (int value : values) {
      if (size == code.length) {
        code = Arrays.copyOf(code, size * 2);
      }
      code[size++] = (byte) value;
    }
  }

  void int32(int value) {
    bytes(value, value >> 8, value >> 16, value >> 24);
  }

  void int64(long value) {
    int32((int) value);
    int32((int) (value >> 32));
  }

  void patch32(int at, int value) {
    for (int i = 0; i < 4; i++) {
      code[at + i] = (byte) (value >> 8 * i);
    }
  }

  // ---- general-purpose instructions

  /** REX.W opcode ModRM, both operands registers. */
  void rex(int opcode, int reg, int rm) {
    bytes(0x48 | reg >> 3 << 2 | rm >> 3, opcode, 0xC0 | (reg & 7) << 3 | rm & 7);
  }

  /**
   * [REX] opcode ModRM with a memory operand; a two-byte opcode has its 0x0F in the second-lowest
   * byte.
   */
  void rex(boolean wide, int opcode, int reg, Mem m) {
    int rex = (wide ? 0x48 : 0x40) | reg >> 3 << 2 | high(m.index()) << 1 | high(m.base());
    if (rex != 0x40) {
      bytes(rex);
    }
    if (opcode > 0xFF) {
      bytes(opcode >> 8);
    }
    bytes(opcode);
    memory(reg, m, 1);
  }

  // ---- vector instructions

  /**
   * One vector instruction, in its shortest encoding.
   *
   * @param seen the register whose width the instruction has
   * @param reg the ModRM reg field: the destination, a store's source, or an opcode extension
   * @param vvvv the second register, 0 where the instruction has none
   * @param rm the last source, or a store's destination
   */
  void vector(Op op, Vec seen, int reg, int vvvv, VecOrMem rm, Mask mask, boolean zeroing) {
    boolean high = reg > 15 || vvvv > 15 || (rm instanceof Vec v && v.number() > 15);
    boolean broadcast = rm instanceof Mem m && m.broadcast();
    if (op.evexOnly || high || broadcast || mask != Mask.K0 || seen.width() == Vec.Width.ZMM) {
      vectorEvex(op, seen.width(), reg, vvvv, rm, mask, zeroing);
    } else {
      vex(op, seen.width(), reg, vvvv, rm);
    }
  }

  private void vex(Op op, Vec.Width width, int reg, int vvvv, VecOrMem rm) {
    int r = reg >> 3;
    int x = rm instanceof Mem m ? high(m.index()) : 0;
    int b = rm instanceof Mem m ? high(m.base()) : ((Vec) rm).number() >> 3;
    int l = width == Vec.Width.YMM ? 1 : 0;
    int tail = (~vvvv & 15) << 3 | l << 2 | op.prefix.ordinal();
    if (x == 0 && b == 0 && op.map == 1 && op.w == 0) {
      bytes(0xC5, (~r & 1) << 7 | tail);
    } else {
      bytes(0xC4, (~r & 1) << 7 | (~x & 1) << 6 | (~b & 1) << 5 | op.map, op.w << 7 | tail);
    }
    bytes(op.opcode);
    operand(reg, rm, 1);
  }

  /** As {@link #vector}, in EVEX though VEX could say it. */
  void vectorEvex(
      Op op, Vec.Width width, int reg, int vvvv, VecOrMem rm, Mask mask, boolean zeroing) {
    boolean broadcast = rm instanceof Mem m && m.broadcast();
    int x = rm instanceof Mem m ? high(m.index()) : ((Vec) rm).number() >> 4;
    int b = rm instanceof Mem m ? high(m.base()) : ((Vec) rm).number() >> 3;
    bytes(
        0x62,
        (~(reg >> 3) & 1) << 7 | (~x & 1) << 6 | (~b & 1) << 5 | (~(reg >> 4) & 1) << 4 | op.map,
        op.w << 7 | (~vvvv & 15) << 3 | 4 | op.prefix.ordinal(),
        (zeroing ? 0x80 : 0)
            | width.ordinal() << 5
            | (broadcast ? 0x10 : 0)
            | (~(vvvv >> 4) & 1) << 3
            | mask.ordinal(),
        op.opcode);
    operand(reg, rm, op.tuple.displacementUnit(width, broadcast));
  }

  private void operand(int reg, VecOrMem rm, int displacementUnit) {
    switch (rm) {
      case Vec v -> bytes(0xC0 | (reg & 7) << 3 | v.number() & 7);
      case Mem m -> memory(reg, m, displacementUnit);
    }
  }

  /** ModRM, SIB where needed, and the shortest displacement. */
  private void memory(int reg, Mem m, int displacementUnit) {
    int base = m.base().ordinal() & 7;
    int displacement = m.displacement();
    int small = displacement / displacementUnit;
    // rbp and r13 have no form without displacement.
    int mode =
        displacement == 0 && base != 5
            ? 0
            : displacement % displacementUnit == 0 && small == (byte) small ? 1 : 2;
    Gp index = m.index();
    boolean sib = index != null || base == 4; // rsp's and r12's number means "a SIB byte follows"
    bytes(mode << 6 | (reg & 7) << 3 | (sib ? 4 : base));
    if (sib) {
      bytes(
          Integer.numberOfTrailingZeros(m.scale()) << 6
              | (index == null ? 4 : index.ordinal() & 7) << 3
              | base);
    }
    if (mode == 1) {
      bytes(small);
    } else if (mode == 2) {
      int32(displacement);
    }
  }

  private static int high(@Nullable Gp register) {
    return register == null ? 0 : register.ordinal() >> 3;
  }
}
