package dev.millrace.assembler;

/**
 * A vector register at a width: xmm3, ymm3 and zmm3 are the same register seen 128, 256 and 512
 * bits wide.
 *
 * <p>A destination may have a mask: only lanes whose bit is 1 are written; the others stay, or
 * become 0 when zeroing.
 *
 * @param number 0 to 31; above 15, and at 512 bits, instructions need EVEX (AVX-512)
 */
public record Vec(int number, Width width, Mask mask, boolean zeroing) implements VecOrMem {
  /** How much of the register an instruction sees. */
  public enum Width {
    XMM(16),
    YMM(32),
    ZMM(64);

    private final int bytes;

    Width(int bytes) {
      this.bytes = bytes;
    }

    public int bytes() {
      return bytes;
    }
  }

  public Vec {
    if (number < 0 || number > 31) {
      throw new IllegalArgumentException("there is no vector register " + number);
    }
  }

  public static Vec xmm(int number) {
    return new Vec(number, Width.XMM, Mask.K0, false);
  }

  public static Vec ymm(int number) {
    return new Vec(number, Width.YMM, Mask.K0, false);
  }

  public static Vec zmm(int number) {
    return new Vec(number, Width.ZMM, Mask.K0, false);
  }

  /** The same register, seen at another width. */
  public Vec as(Width other) {
    return new Vec(number, other, mask, zeroing);
  }

  /** As a destination whose other lanes stay. */
  public Vec masked(Mask k) {
    return new Vec(number, width, k, false);
  }

  /** As a destination whose other lanes become 0. */
  public Vec maskedZeroing(Mask k) {
    return new Vec(number, width, k, true);
  }
}
