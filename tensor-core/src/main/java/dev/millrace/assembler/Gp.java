package dev.millrace.assembler;

/** The 64-bit general-purpose registers, by their numbers in encodings. */
public enum Gp {
  RAX,
  RCX,
  RDX,
  RBX,
  RSP,
  RBP,
  RSI,
  RDI,
  R8,
  R9,
  R10,
  R11,
  R12,
  R13,
  R14,
  R15;

  /** The operand [this + displacement]. */
  public Mem at(int displacement) {
    return new Mem(this, null, 1, displacement, false);
  }

  /** The operand [this + index·scale + displacement]. */
  public Mem at(Gp index, int scale, int displacement) {
    return new Mem(this, index, scale, displacement, false);
  }
}
