package dev.millrace.assembler;

/**
 * Vector instructions as the encoders need them (Intel SDM volume 2, each instruction's page):
 * prefix, opcode map, opcode, the W bit under VEX and under EVEX, and how EVEX scales 8-bit
 * displacements.
 */
enum Op {
  VADDPS(Prefix.NONE, 1, 0x58, 0, Tuple.FULL),
  VSUBPS(Prefix.NONE, 1, 0x5C, 0, Tuple.FULL),
  VMULPS(Prefix.NONE, 1, 0x59, 0, Tuple.FULL),
  VDIVPS(Prefix.NONE, 1, 0x5E, 0, Tuple.FULL),
  VMINPS(Prefix.NONE, 1, 0x5D, 0, Tuple.FULL),
  VMAXPS(Prefix.NONE, 1, 0x5F, 0, Tuple.FULL),
  VSQRTPS(Prefix.NONE, 1, 0x51, 0, Tuple.FULL),
  VANDPS(Prefix.NONE, 1, 0x54, 0, Tuple.FULL),
  VORPS(Prefix.NONE, 1, 0x56, 0, Tuple.FULL),
  VXORPS(Prefix.NONE, 1, 0x57, 0, Tuple.FULL),
  VFMADD231PS(Prefix.P66, 2, 0xB8, 0, Tuple.FULL),
  VFMADD213PS(Prefix.P66, 2, 0xA8, 0, Tuple.FULL),
  VFNMADD231PS(Prefix.P66, 2, 0xBC, 0, Tuple.FULL),
  VCVTDQ2PS(Prefix.NONE, 1, 0x5B, 0, Tuple.FULL),
  VCVTPS2DQ(Prefix.P66, 1, 0x5B, 0, Tuple.FULL),
  VCVTPH2PS(Prefix.P66, 2, 0x13, 0, Tuple.HALF_MEMORY),
  VMOVUPS_LOAD(Prefix.NONE, 1, 0x10, 0, Tuple.FULL_MEMORY),
  VMOVUPS_STORE(Prefix.NONE, 1, 0x11, 0, Tuple.FULL_MEMORY),
  VMOVSS_LOAD(Prefix.PF3, 1, 0x10, 0, Tuple.ELEMENT_4),
  VMOVSS_STORE(Prefix.PF3, 1, 0x11, 0, Tuple.ELEMENT_4),
  VBROADCASTSS(Prefix.P66, 2, 0x18, 0, Tuple.ELEMENT_4),
  VPBROADCASTD(Prefix.P66, 2, 0x58, 0, Tuple.ELEMENT_4),
  VPBROADCASTW(Prefix.P66, 2, 0x79, 0, Tuple.ELEMENT_2),
  VPADDW(Prefix.P66, 1, 0xFD, 0, Tuple.FULL_MEMORY),
  VPSUBW(Prefix.P66, 1, 0xF9, 0, Tuple.FULL_MEMORY),
  VPMULLW(Prefix.P66, 1, 0xD5, 0, Tuple.FULL_MEMORY),
  VPMADDWD(Prefix.P66, 1, 0xF5, 0, Tuple.FULL_MEMORY),
  VPMADDUBSW(Prefix.P66, 2, 0x04, 0, Tuple.FULL_MEMORY),
  VPADDD(Prefix.P66, 1, 0xFE, 0, Tuple.FULL),
  VPSUBD(Prefix.P66, 1, 0xFA, 0, Tuple.FULL),
  VPMULLD(Prefix.P66, 2, 0x40, 0, Tuple.FULL),
  VPMAXSD(Prefix.P66, 2, 0x3D, 0, Tuple.FULL),
  VPMINSD(Prefix.P66, 2, 0x39, 0, Tuple.FULL),
  /** AVX-512 VNNI; under VEX it would be AVX-VNNI, a feature of its own, so always EVEX. */
  VPDPBUSD(Prefix.P66, 2, 0x50, 0, Tuple.FULL, true),
  VPDPWSSD(Prefix.P66, 2, 0x52, 0, Tuple.FULL, true),
  VPABSB(Prefix.P66, 2, 0x1C, 0, Tuple.FULL_MEMORY),
  VPSIGNB(Prefix.P66, 2, 0x08, 0, Tuple.FULL_MEMORY),
  VPSHUFB(Prefix.P66, 2, 0x00, 0, Tuple.FULL_MEMORY),
  VPACKSSDW(Prefix.P66, 1, 0x6B, 0, Tuple.FULL),
  VPACKSSWB(Prefix.P66, 1, 0x63, 0, Tuple.FULL_MEMORY),
  VPMOVZXBW(Prefix.P66, 2, 0x30, 0, Tuple.HALF_MEMORY),
  VPMOVSXBW(Prefix.P66, 2, 0x20, 0, Tuple.HALF_MEMORY),
  VPMOVZXBD(Prefix.P66, 2, 0x31, 0, Tuple.QUARTER_MEMORY),
  VPMOVSXBD(Prefix.P66, 2, 0x21, 0, Tuple.QUARTER_MEMORY),
  VPMOVZXWD(Prefix.P66, 2, 0x33, 0, Tuple.HALF_MEMORY),
  VPMOVSXWD(Prefix.P66, 2, 0x23, 0, Tuple.HALF_MEMORY),
  /** Shifts by an immediate: the ModRM reg field is an opcode extension. */
  VPSHIFTW_IMMEDIATE(Prefix.P66, 1, 0x71, 0, Tuple.FULL_MEMORY),
  VPSHIFTD_IMMEDIATE(Prefix.P66, 1, 0x72, 0, Tuple.FULL),
  VROUNDPS(Prefix.P66, 3, 0x08, 0, Tuple.FULL),
  VCVTPS2PH(Prefix.P66, 3, 0x1D, 0, Tuple.HALF_MEMORY),
  VCMPPS(Prefix.NONE, 1, 0xC2, 0, Tuple.FULL),
  VBLENDVPS(Prefix.P66, 3, 0x4A, 0, Tuple.FULL),
  VPERMILPS(Prefix.P66, 3, 0x04, 0, Tuple.FULL),
  VPERM2F128(Prefix.P66, 3, 0x06, 0, Tuple.FULL_MEMORY),
  VSHUFPS(Prefix.NONE, 1, 0xC6, 0, Tuple.FULL),
  VPEXTRW(Prefix.P66, 3, 0x15, 0, Tuple.ELEMENT_2),
  VPEXTRD(Prefix.P66, 3, 0x16, 0, Tuple.ELEMENT_4),
  VEXTRACTF128(Prefix.P66, 3, 0x19, 0, Tuple.FULL_MEMORY),
  /** EVEX only: the upper 256 bits. W1 is the 64x4 form. */
  VEXTRACTF64X4(Prefix.P66, 3, 0x1B, 1, Tuple.HALF_MEMORY, true),
  /** Under EVEX their names end in d: lanes of 32 bits, for masks and broadcasts. */
  VPAND(Prefix.P66, 1, 0xDB, 0, Tuple.FULL),
  VPOR(Prefix.P66, 1, 0xEB, 0, Tuple.FULL),
  VPXOR(Prefix.P66, 1, 0xEF, 0, Tuple.FULL);

  enum Prefix {
    NONE,
    P66,
    PF3,
    PF2
  }

  /** What an EVEX 8-bit displacement counts in (SDM 2.7.5, compressed displacement). */
  enum Tuple {
    /** The whole vector; one element when broadcast. */
    FULL,
    FULL_MEMORY,
    HALF_MEMORY,
    QUARTER_MEMORY,
    ELEMENT_4,
    ELEMENT_2;

    int displacementUnit(Vec.Width width, boolean broadcast) {
      return switch (this) {
        case FULL -> broadcast ? Float.BYTES : width.bytes();
        case FULL_MEMORY -> width.bytes();
        case HALF_MEMORY -> width.bytes() / 2;
        case QUARTER_MEMORY -> width.bytes() / 4;
        case ELEMENT_4 -> 4;
        case ELEMENT_2 -> 2;
      };
    }
  }

  final Prefix prefix;
  final int map;
  final int opcode;
  final int w;
  final Tuple tuple;
  final boolean evexOnly;

  Op(Prefix prefix, int map, int opcode, int w, Tuple tuple) {
    this(prefix, map, opcode, w, tuple, false);
  }

  Op(Prefix prefix, int map, int opcode, int w, Tuple tuple, boolean evexOnly) {
    this.prefix = prefix;
    this.map = map;
    this.opcode = opcode;
    this.w = w;
    this.tuple = tuple;
    this.evexOnly = evexOnly;
  }
}
