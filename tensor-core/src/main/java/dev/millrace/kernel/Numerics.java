package dev.millrace.kernel;

/**
 * The version of the arithmetic, from a kernel's sums to the sampler's draws. Answers are the same
 * to the bit as long as it is the same, so a stream that was begun with one version goes on only
 * with that.
 */
public final class Numerics {
  /** Raised with every change that may change one bit of an answer. */
  public static final int VERSION = 1;

  private Numerics() {}
}
