package dev.millrace.assembler;

import org.jspecify.annotations.Nullable;

/**
 * A memory operand, [base + index·scale + displacement].
 *
 * @param index none where null; never RSP, whose number means "no index" in encodings
 * @param scale 1, 2, 4 or 8
 * @param broadcast EVEX's {1toN}: one element of the operand's type, repeated in all lanes
 */
public record Mem(Gp base, @Nullable Gp index, int scale, int displacement, boolean broadcast)
    implements VecOrMem {
  public Mem {
    if (index == Gp.RSP) {
      throw new IllegalArgumentException("rsp can't be an index");
    }
    if (Integer.bitCount(scale) != 1 || scale > (index == null ? 1 : 8)) {
      throw new IllegalArgumentException(
          "scale " + scale + ": must be 1, 2, 4 or 8, and 1 without index");
    }
  }

  /** A place some bytes further on. */
  public Mem plus(int bytes) {
    return new Mem(base, index, scale, displacement + bytes, broadcast);
  }

  /** The same place, one element of it repeated in all lanes. EVEX only. */
  public Mem broadcasting() {
    return new Mem(base, index, scale, displacement, true);
  }
}
