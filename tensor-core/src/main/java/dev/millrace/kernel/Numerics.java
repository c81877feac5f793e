package dev.millrace.kernel;

/**
 * The version of the arithmetic, from a kernel's sums to the sampler's draws. Answers are the same
 * to the bit as long as it is the same, so a stream that was begun with one version goes on only
 * with that.
 */
public final class Numerics {
  /** Raised with every change that may change one bit of an answer. */
  public static final int VERSION = 2;

  private static final int PRECISION_SHIFT = 16;

  /** What else fixes the bits: the version, and what activations are rounded to. */
  public static int of(ActivationPrecision activations) {
    return activations.ordinal() << PRECISION_SHIFT | VERSION;
  }

  /** A number of {@link #of}'s for a reader: "1 with int8 activations". */
  public static String describe(int numerics) {
    int precision = numerics >>> PRECISION_SHIFT;
    ActivationPrecision[] known = ActivationPrecision.values();
    return (numerics & (1 << PRECISION_SHIFT) - 1)
        + " with "
        + (precision < known.length ? known[precision] : "unknown")
        + " activations";
  }

  private Numerics() {}
}
