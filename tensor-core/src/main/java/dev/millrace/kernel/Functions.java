package dev.millrace.kernel;

/**
 * The functions that every tier computes the same way, to the bit. Written for one float here;
 * vector tiers repeat the same operations lane by lane, with these constants.
 */
public final class Functions {
  private Functions() {}

  /** exp is 0 below (ln 2⁻¹⁵⁰ = −103.97...), so arguments are raised to this, −∞ among them. */
  public static final float EXP_LOWEST = -105f;

  /** exp is +∞ above (ln 2¹²⁸ = 88.72...), so arguments are lowered to this, +∞ among them. */
  public static final float EXP_HIGHEST = 89f;

  public static final float LOG2_E = 0x1.715476p+0f;

  /**
   * 1.5·2²³: adding it to |x| < 2²² rounds x to an integer, ties to even, that stands in the sum's
   * low bits.
   */
  public static final float ROUNDER = 0x1.8p23f;

  /** Cody and Waite's split: LN2_HIGH + LN2_LOW is ln 2 to 2⁻⁵³. */
  public static final float LN2_HIGH = 0x1.62e43p-1f;

  public static final float LN2_LOW = -0x1.05c61p-29f;

  /**
   * (eʳ − 1 − r)/r² ≈ EXP_2 + EXP_3·r + ... + EXP_6·r⁴ on |r| ≤ ln 2/2, by Remez' exchange; the
   * relative error of the whole is below 2⁻²⁸.
   */
  public static final float EXP_2 = 0x1.fffffcp-2f;

  public static final float EXP_3 = 0x1.555492p-3f;
  public static final float EXP_4 = 0x1.5558f2p-5f;
  public static final float EXP_5 = 0x1.123a2p-7f;
  public static final float EXP_6 = 0x1.6a23dp-10f;

  /** Strided partial sums of a row; joined by {@link #join}. */
  public static final int PARTIALS = 16;

  /**
   * eˣ within 1 ulp (2⁻¹⁴⁹ among subnormals); 0 at −∞, +∞ where it overflows, NaN for NaN.
   *
   * <p>x = n·ln 2 + r, |r| ≤ ln 2/2, so eˣ = eʳ·2ⁿ; 2ⁿ goes on in two factors, because n runs from
   * −152 to 128.
   */
  public static float exp(float x) {
    x = x < EXP_LOWEST ? EXP_LOWEST : x;
    x = x > EXP_HIGHEST ? EXP_HIGHEST : x;
    float shifted = Math.fma(x, LOG2_E, ROUNDER);
    float n = shifted - ROUNDER;
    float r = Math.fma(n, -LN2_HIGH, x);
    r = Math.fma(n, -LN2_LOW, r);
    float p = Math.fma(EXP_6, r, EXP_5);
    p = Math.fma(p, r, EXP_4);
    p = Math.fma(p, r, EXP_3);
    p = Math.fma(p, r, EXP_2);
    p = Math.fma(p, r, 1f);
    p = Math.fma(p, r, 1f);
    int exponent = Float.floatToRawIntBits(shifted) - Float.floatToRawIntBits(ROUNDER);
    int half = exponent >> 1;
    return p * powerOfTwo(half) * powerOfTwo(exponent - half);
  }

  /** 2ⁿ for −126 ≤ n ≤ 127. */
  private static float powerOfTwo(int n) {
    return Float.intBitsToFloat((n + 127) << 23);
  }

  /** x·sigmoid(x), as x / (1 + e⁻ˣ). */
  public static float silu(float x) {
    return x / (1f + exp(-x));
  }

  /** Joins 16 partial sums by the one fixed tree: halves added, 8, 4, 2, 1. Overwrites them. */
  public static float join(float[] partials) {
    for (int half = PARTIALS / 2; half > 0; half /= 2) {
      for (int j = 0; j < half; j++) {
        partials[j] += partials[j + half];
      }
    }
    return partials[0];
  }
}
