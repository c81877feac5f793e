package dev.millrace.assembler;

/**
 * Writes x86-64 machine code: one method an instruction, by Intel's mnemonics, operands in Intel's
 * order (destination first). Vector instructions take registers of one width and get the VEX
 * encoding where it can say them, else EVEX (zmm, registers 16 to 31, masks, broadcasts); whether
 * the CPU has them is the caller's business, see {@link CpuFeatures}.
 *
 * <p>Not thread-safe; one assembler, one piece of code.
 */
public final class Assembler {
  private final Encoder encoder = new Encoder();
  private int openUses; // jumps to labels that aren't bound yet

  /**
   * The code so far.
   *
   * @throws IllegalStateException if a jump leads to a label that was never bound
   */
  public byte[] code() {
    if (openUses != 0) {
      throw new IllegalStateException(openUses + " jumps lead to labels that were never bound");
    }
    return encoder.code();
  }

  /** Bytes so far: where the next instruction goes. */
  public int size() {
    return encoder.size();
  }

  // ---- labels and jumps

  /** Puts the label here. */
  public void bind(Label label) {
    if (label.position != Label.UNBOUND) {
      throw new IllegalStateException("the label is bound already");
    }
    label.position = encoder.size();
    for (int use : label.uses) {
      encoder.patch32(use, label.position - (use + 4));
    }
    openUses -= label.uses.size();
  }

  private void jump(Label target) {
    if (target.position == Label.UNBOUND) {
      target.uses.add(encoder.size());
      openUses++;
      encoder.int32(0);
    } else {
      encoder.int32(target.position - (encoder.size() + 4));
    }
  }

  public void jmp(Label target) {
    encoder.bytes(0xE9);
    jump(target);
  }

  /** Conditions of {@link #jcc}, by their numbers in encodings. */
  public enum Condition {
    OVERFLOW,
    NOT_OVERFLOW,
    BELOW,
    ABOVE_OR_EQUAL,
    EQUAL,
    NOT_EQUAL,
    BELOW_OR_EQUAL,
    ABOVE,
    SIGN,
    NOT_SIGN,
    PARITY,
    NOT_PARITY,
    LESS,
    GREATER_OR_EQUAL,
    LESS_OR_EQUAL,
    GREATER
  }

  public void jcc(Condition condition, Label target) {
    encoder.bytes(0x0F, 0x80 | condition.ordinal());
    jump(target);
  }

  public void ret() {
    encoder.bytes(0xC3);
  }

  // ---- general-purpose

  public void push(Gp r) {
    if (r.ordinal() > 7) {
      encoder.bytes(0x41);
    }
    encoder.bytes(0x50 | r.ordinal() & 7);
  }

  public void pop(Gp r) {
    if (r.ordinal() > 7) {
      encoder.bytes(0x41);
    }
    encoder.bytes(0x58 | r.ordinal() & 7);
  }

  public void mov(Gp to, Gp from) {
    encoder.rex(0x89, from.ordinal(), to.ordinal());
  }

  /**
   * Sets a register to a number, in the shortest encoding that has it sign-extended from 32 bits,
   * else in 64.
   */
  public void mov(Gp to, long value) {
    int prefix = 0x48 | to.ordinal() >> 3;
    if (value == (int) value) {
      encoder.bytes(prefix, 0xC7, 0xC0 | to.ordinal() & 7);
      encoder.int32((int) value);
    } else {
      encoder.bytes(prefix, 0xB8 | to.ordinal() & 7);
      encoder.int64(value);
    }
  }

  /** Loads 64 bits. */
  public void mov(Gp to, Mem from) {
    encoder.rex(true, 0x8B, to.ordinal(), from);
  }

  /** Stores 64 bits. */
  public void mov(Mem to, Gp from) {
    encoder.rex(true, 0x89, from.ordinal(), to);
  }

  /** Loads 32 bits and clears the upper half. */
  public void mov32(Gp to, Mem from) {
    encoder.rex(false, 0x8B, to.ordinal(), from);
  }

  /** Stores the lower 32 bits. */
  public void mov32(Mem to, Gp from) {
    encoder.rex(false, 0x89, from.ordinal(), to);
  }

  /** Loads 32 bits, sign-extended to 64. */
  public void movsxd(Gp to, Mem from) {
    encoder.rex(true, 0x63, to.ordinal(), from);
  }

  public void lea(Gp to, Mem address) {
    encoder.rex(true, 0x8D, to.ordinal(), address);
  }

  public void add(Gp to, Gp from) {
    encoder.rex(0x01, from.ordinal(), to.ordinal());
  }

  public void sub(Gp to, Gp from) {
    encoder.rex(0x29, from.ordinal(), to.ordinal());
  }

  public void cmp(Gp a, Gp b) {
    encoder.rex(0x39, b.ordinal(), a.ordinal());
  }

  public void test(Gp a, Gp b) {
    encoder.rex(0x85, b.ordinal(), a.ordinal());
  }

  public void xor(Gp to, Gp from) {
    encoder.rex(0x31, from.ordinal(), to.ordinal());
  }

  public void add(Gp to, int value) {
    immediate(0, to, value);
  }

  public void and(Gp to, int value) {
    immediate(4, to, value);
  }

  public void sub(Gp to, int value) {
    immediate(5, to, value);
  }

  public void cmp(Gp a, int value) {
    immediate(7, a, value);
  }

  private void immediate(int operation, Gp to, int value) {
    int prefix = 0x48 | to.ordinal() >> 3;
    int modrm = 0xC0 | operation << 3 | to.ordinal() & 7;
    if (value == (byte) value) {
      encoder.bytes(prefix, 0x83, modrm, value);
    } else if (to == Gp.RAX) { // a form of its own, one byte shorter
      encoder.bytes(prefix, operation << 3 | 5);
      encoder.int32(value);
    } else {
      encoder.bytes(prefix, 0x81, modrm);
      encoder.int32(value);
    }
  }

  public void imul(Gp to, Gp from) {
    encoder.bytes(0x48 | to.ordinal() >> 3 << 2 | from.ordinal() >> 3, 0x0F, 0xAF);
    encoder.bytes(0xC0 | (to.ordinal() & 7) << 3 | from.ordinal() & 7);
  }

  public void shl(Gp to, int bits) {
    encoder.bytes(0x48 | to.ordinal() >> 3, 0xC1, 0xE0 | to.ordinal() & 7, bits);
  }

  public void shr(Gp to, int bits) {
    encoder.bytes(0x48 | to.ordinal() >> 3, 0xC1, 0xE8 | to.ordinal() & 7, bits);
  }

  /** Into all levels of the cache. */
  public void prefetcht0(Mem address) {
    encoder.rex(false, 0x0F18, 1, address);
  }

  /** Into the second level and beyond. */
  public void prefetcht1(Mem address) {
    encoder.rex(false, 0x0F18, 2, address);
  }

  /** Leaf and sub-leaf in eax and ecx; answers in eax, ebx, ecx, edx. */
  public void cpuid() {
    encoder.bytes(0x0F, 0xA2);
  }

  /** Which register states the operating system saves: edx:eax for ecx = 0. */
  public void xgetbv() {
    encoder.bytes(0x0F, 0x01, 0xD0);
  }

  // ---- masks

  /** k = the lower 16 bits of r. */
  public void kmovw(Mask k, Gp r) {
    if (r.ordinal() > 7) {
      encoder.bytes(0xC4, 0xC1, 0x78);
    } else {
      encoder.bytes(0xC5, 0xF8);
    }
    encoder.bytes(0x92, 0xC0 | k.ordinal() << 3 | r.ordinal() & 7);
  }

  /** r = the 16 bits of k. */
  public void kmovw(Gp r, Mask k) {
    encoder.bytes(
        0xC5, r.ordinal() > 7 ? 0x78 : 0xF8, 0x93, 0xC0 | (r.ordinal() & 7) << 3 | k.ordinal());
  }

  // ---- vector moves

  public void vmovups(Vec to, VecOrMem from) {
    two(Op.VMOVUPS_LOAD, to, from);
  }

  public void vmovups(Mem to, Vec from) {
    encoder.vector(Op.VMOVUPS_STORE, from, from.number(), 0, to, from.mask(), false);
  }

  /** Loads one float; the other lanes become 0. */
  public void vmovss(Vec to, Mem from) {
    two(Op.VMOVSS_LOAD, to, from);
  }

  public void vmovss(Mem to, Vec from) {
    encoder.vector(Op.VMOVSS_STORE, from, from.number(), 0, to, Mask.K0, false);
  }

  /** All lanes become the float, or lane 0 of an xmm register. */
  public void vbroadcastss(Vec to, VecOrMem from) {
    two(Op.VBROADCASTSS, to, from);
  }

  /** All 32-bit lanes become the integer, or lane 0 of an xmm register. */
  public void vpbroadcastd(Vec to, VecOrMem from) {
    two(Op.VPBROADCASTD, to, from);
  }

  /** All 16-bit lanes become the integer, or lane 0 of an xmm register. */
  public void vpbroadcastw(Vec to, VecOrMem from) {
    two(Op.VPBROADCASTW, to, from);
  }

  // ---- float arithmetic, 32-bit lanes

  public void vaddps(Vec to, Vec a, VecOrMem b) {
    three(Op.VADDPS, to, a, b);
  }

  public void vsubps(Vec to, Vec a, VecOrMem b) {
    three(Op.VSUBPS, to, a, b);
  }

  public void vmulps(Vec to, Vec a, VecOrMem b) {
    three(Op.VMULPS, to, a, b);
  }

  public void vdivps(Vec to, Vec a, VecOrMem b) {
    three(Op.VDIVPS, to, a, b);
  }

  /** The second source where either is NaN or both are zero. */
  public void vminps(Vec to, Vec a, VecOrMem b) {
    three(Op.VMINPS, to, a, b);
  }

  /** The second source where either is NaN or both are zero. */
  public void vmaxps(Vec to, Vec a, VecOrMem b) {
    three(Op.VMAXPS, to, a, b);
  }

  public void vandps(Vec to, Vec a, VecOrMem b) {
    three(Op.VANDPS, to, a, b);
  }

  public void vorps(Vec to, Vec a, VecOrMem b) {
    three(Op.VORPS, to, a, b);
  }

  public void vxorps(Vec to, Vec a, VecOrMem b) {
    three(Op.VXORPS, to, a, b);
  }

  /** to = a·b + to, rounded once. */
  public void vfmadd231ps(Vec to, Vec a, VecOrMem b) {
    three(Op.VFMADD231PS, to, a, b);
  }

  /** to = a·to + b, rounded once. */
  public void vfmadd213ps(Vec to, Vec a, VecOrMem b) {
    three(Op.VFMADD213PS, to, a, b);
  }

  /** to = −(a·b) + to, rounded once. */
  public void vfnmadd231ps(Vec to, Vec a, VecOrMem b) {
    three(Op.VFNMADD231PS, to, a, b);
  }

  public void vsqrtps(Vec to, VecOrMem from) {
    two(Op.VSQRTPS, to, from);
  }

  // ---- integer arithmetic

  public void vpaddw(Vec to, Vec a, VecOrMem b) {
    three(Op.VPADDW, to, a, b);
  }

  public void vpsubw(Vec to, Vec a, VecOrMem b) {
    three(Op.VPSUBW, to, a, b);
  }

  public void vpmullw(Vec to, Vec a, VecOrMem b) {
    three(Op.VPMULLW, to, a, b);
  }

  /** Products of signed 16-bit pairs, added pairwise into 32-bit lanes. */
  public void vpmaddwd(Vec to, Vec a, VecOrMem b) {
    three(Op.VPMADDWD, to, a, b);
  }

  /**
   * Products of a's unsigned and b's signed bytes, added pairwise into 16-bit lanes, saturating.
   */
  public void vpmaddubsw(Vec to, Vec a, VecOrMem b) {
    three(Op.VPMADDUBSW, to, a, b);
  }

  public void vpaddd(Vec to, Vec a, VecOrMem b) {
    three(Op.VPADDD, to, a, b);
  }

  public void vpsubd(Vec to, Vec a, VecOrMem b) {
    three(Op.VPSUBD, to, a, b);
  }

  public void vpmulld(Vec to, Vec a, VecOrMem b) {
    three(Op.VPMULLD, to, a, b);
  }

  public void vpmaxsd(Vec to, Vec a, VecOrMem b) {
    three(Op.VPMAXSD, to, a, b);
  }

  public void vpminsd(Vec to, Vec a, VecOrMem b) {
    three(Op.VPMINSD, to, a, b);
  }

  /**
   * to += sums of four products of a's unsigned and b's signed bytes, in 32-bit lanes. AVX-512
   * VNNI.
   */
  public void vpdpbusd(Vec to, Vec a, VecOrMem b) {
    three(Op.VPDPBUSD, to, a, b);
  }

  /** to += sums of two products of signed 16-bit pairs, in 32-bit lanes. AVX-512 VNNI. */
  public void vpdpwssd(Vec to, Vec a, VecOrMem b) {
    three(Op.VPDPWSSD, to, a, b);
  }

  /** Magnitudes of signed bytes, unsigned. */
  public void vpabsb(Vec to, VecOrMem from) {
    two(Op.VPABSB, to, from);
  }

  /** a's bytes, negated where b's are negative, 0 where they are 0. AVX2; not for zmm. */
  public void vpsignb(Vec to, Vec a, VecOrMem b) {
    noEvex(to, a, b);
    three(Op.VPSIGNB, to, a, b);
  }

  public void vpand(Vec to, Vec a, VecOrMem b) {
    noEvex(to, a, b);
    three(Op.VPAND, to, a, b);
  }

  public void vpor(Vec to, Vec a, VecOrMem b) {
    noEvex(to, a, b);
    three(Op.VPOR, to, a, b);
  }

  public void vpxor(Vec to, Vec a, VecOrMem b) {
    noEvex(to, a, b);
    three(Op.VPXOR, to, a, b);
  }

  /** AVX-512's vpand. */
  public void vpandd(Vec to, Vec a, VecOrMem b) {
    encoder.vectorEvex(Op.VPAND, to.width(), to.number(), a.number(), b, to.mask(), to.zeroing());
  }

  /** AVX-512's vpor. */
  public void vpord(Vec to, Vec a, VecOrMem b) {
    encoder.vectorEvex(Op.VPOR, to.width(), to.number(), a.number(), b, to.mask(), to.zeroing());
  }

  /** AVX-512's vpxor. */
  public void vpxord(Vec to, Vec a, VecOrMem b) {
    encoder.vectorEvex(Op.VPXOR, to.width(), to.number(), a.number(), b, to.mask(), to.zeroing());
  }

  public void vpshufb(Vec to, Vec a, VecOrMem b) {
    three(Op.VPSHUFB, to, a, b);
  }

  public void vpacksswb(Vec to, Vec a, VecOrMem b) {
    three(Op.VPACKSSWB, to, a, b);
  }

  public void vpackssdw(Vec to, Vec a, VecOrMem b) {
    three(Op.VPACKSSDW, to, a, b);
  }

  public void vpsrlw(Vec to, Vec from, int bits) {
    shift(Op.VPSHIFTW_IMMEDIATE, 2, to, from, bits);
  }

  public void vpsraw(Vec to, Vec from, int bits) {
    shift(Op.VPSHIFTW_IMMEDIATE, 4, to, from, bits);
  }

  public void vpsllw(Vec to, Vec from, int bits) {
    shift(Op.VPSHIFTW_IMMEDIATE, 6, to, from, bits);
  }

  public void vpsrld(Vec to, Vec from, int bits) {
    shift(Op.VPSHIFTD_IMMEDIATE, 2, to, from, bits);
  }

  public void vpsrad(Vec to, Vec from, int bits) {
    shift(Op.VPSHIFTD_IMMEDIATE, 4, to, from, bits);
  }

  public void vpslld(Vec to, Vec from, int bits) {
    shift(Op.VPSHIFTD_IMMEDIATE, 6, to, from, bits);
  }

  // ---- conversions

  public void vcvtdq2ps(Vec to, VecOrMem from) {
    two(Op.VCVTDQ2PS, to, from);
  }

  /** Rounds as MXCSR says: to nearest, ties to even. */
  public void vcvtps2dq(Vec to, VecOrMem from) {
    two(Op.VCVTPS2DQ, to, from);
  }

  /** Half-precision floats, half as wide a source. */
  public void vcvtph2ps(Vec to, VecOrMem from) {
    two(Op.VCVTPH2PS, to, from);
  }

  /** Widens bytes with zeros; half as wide a source. The others likewise, signed or not. */
  public void vpmovzxbw(Vec to, VecOrMem from) {
    two(Op.VPMOVZXBW, to, from);
  }

  public void vpmovsxbw(Vec to, VecOrMem from) {
    two(Op.VPMOVSXBW, to, from);
  }

  public void vpmovzxbd(Vec to, VecOrMem from) {
    two(Op.VPMOVZXBD, to, from);
  }

  public void vpmovsxbd(Vec to, VecOrMem from) {
    two(Op.VPMOVSXBD, to, from);
  }

  public void vpmovzxwd(Vec to, VecOrMem from) {
    two(Op.VPMOVZXWD, to, from);
  }

  public void vpmovsxwd(Vec to, VecOrMem from) {
    two(Op.VPMOVSXWD, to, from);
  }

  /** Rounds to half precision, to nearest, ties to even; half as wide a destination. */
  public void vcvtps2ph(VecOrMem to, Vec from) {
    encoder.vector(Op.VCVTPS2PH, from, from.number(), 0, to, Mask.K0, false);
    encoder.bytes(0);
  }

  /** Rounds to whole numbers: 0 to nearest even, 1 down, 2 up, 3 towards zero. AVX; not for zmm. */
  public void vroundps(Vec to, VecOrMem from, int mode) {
    noEvex(to, from);
    two(Op.VROUNDPS, to, from);
    encoder.bytes(mode);
  }

  // ---- lanes

  /** Compares; lanes of all ones where it holds. AVX; for zmm see the other. */
  public void vcmpps(Vec to, Vec a, VecOrMem b, int predicate) {
    noEvex(to, a, b);
    three(Op.VCMPPS, to, a, b);
    encoder.bytes(predicate);
  }

  /** Compares; one bit of k for each lane. AVX-512. */
  public void vcmpps(Mask k, Vec a, VecOrMem b, int predicate) {
    encoder.vectorEvex(Op.VCMPPS, a.width(), k.ordinal(), a.number(), b, Mask.K0, false);
    encoder.bytes(predicate);
  }

  /** b's lanes where the selector's sign bit is set, else a's. AVX. */
  public void vblendvps(Vec to, Vec a, VecOrMem b, Vec selector) {
    noEvex(to, a, b, selector);
    three(Op.VBLENDVPS, to, a, b);
    encoder.bytes(selector.number() << 4);
  }

  public void vshufps(Vec to, Vec a, VecOrMem b, int order) {
    three(Op.VSHUFPS, to, a, b);
    encoder.bytes(order);
  }

  public void vpermilps(Vec to, VecOrMem from, int order) {
    two(Op.VPERMILPS, to, from);
    encoder.bytes(order);
  }

  public void vperm2f128(Vec to, Vec a, VecOrMem b, int order) {
    noEvex(to, a, b);
    three(Op.VPERM2F128, to, a, b);
    encoder.bytes(order);
  }

  /** Stores word {@code index} of an xmm register. */
  public void vpextrw(Mem to, Vec from, int index) {
    encoder.vector(Op.VPEXTRW, from, from.number(), 0, to, Mask.K0, false);
    encoder.bytes(index);
  }

  /** Stores doubleword {@code index} of an xmm register. */
  public void vpextrd(Mem to, Vec from, int index) {
    encoder.vector(Op.VPEXTRD, from, from.number(), 0, to, Mask.K0, false);
    encoder.bytes(index);
  }

  /** Half {@code half} of a ymm register. */
  public void vextractf128(VecOrMem to, Vec from, int half) {
    noEvex(to, from);
    encoder.vector(Op.VEXTRACTF128, from, from.number(), 0, to, Mask.K0, false);
    encoder.bytes(half);
  }

  /** Half {@code half} of a zmm register. AVX-512. */
  public void vextractf64x4(VecOrMem to, Vec from, int half) {
    encoder.vectorEvex(Op.VEXTRACTF64X4, from.width(), from.number(), 0, to, Mask.K0, false);
    encoder.bytes(half);
  }

  /** Clears the registers' upper halves: before returning to code that may use SSE. */
  public void vzeroupper() {
    encoder.bytes(0xC5, 0xF8, 0x77);
  }

  private void two(Op op, Vec to, VecOrMem from) {
    encoder.vector(op, to, to.number(), 0, from, to.mask(), to.zeroing());
  }

  private void three(Op op, Vec to, Vec a, VecOrMem b) {
    if (a.width() != to.width() || b instanceof Vec v && v.width() != to.width()) {
      throw new IllegalArgumentException(
          op + " " + to + ", " + a + ", " + b + ": one width is wanted");
    }
    encoder.vector(op, to, to.number(), a.number(), b, to.mask(), to.zeroing());
  }

  /** The destination is in vvvv; the reg field says which shift. */
  private void shift(Op op, int extension, Vec to, Vec from, int bits) {
    encoder.vector(op, to, extension, to.number(), from, to.mask(), to.zeroing());
    encoder.bytes(bits);
  }

  private static void noEvex(VecOrMem... operands) {
    for (VecOrMem each : operands) {
      boolean fine =
          switch (each) {
            case Vec v -> v.width() != Vec.Width.ZMM && v.number() <= 15 && v.mask() == Mask.K0;
            case Mem m -> !m.broadcast();
          };
      if (!fine) {
        throw new IllegalArgumentException(each + ": this instruction has no EVEX form here");
      }
    }
  }
}
