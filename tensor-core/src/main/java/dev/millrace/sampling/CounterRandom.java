package dev.millrace.sampling;

/**
 * A counter-based generator: Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC'11). A number depends on its key and counter alone, so there is
 * no state, and no draw depends on which others were made.
 */
final class CounterRandom {
  private static final int ROUNDS = 10;
  private static final long MULTIPLIER_0 = 0xD2511F53L;
  private static final long MULTIPLIER_1 = 0xCD9E8D57L;
  private static final int WEYL_0 = 0x9E3779B9; // The golden ratio,
  private static final int WEYL_1 = 0xBB67AE85; // and √3 − 1.

  private CounterRandom() {}

  /**
   * A number in [0, 1), a multiple of 2⁻⁵³, from the first two words for counter (position's low
   * half, its high half, candidate, 0) and key (seed's low half, its high half).
   */
  static double uniform(long seed, long position, int candidate) {
    int[] words =
        philox(
            (int) position, (int) (position >>> 32), candidate, 0, (int) seed, (int) (seed >>> 32));
    long bits = (words[0] & 0xFFFF_FFFFL) << 21 | words[1] >>> 11;
    return bits * 0x1p-53;
  }

  /** The four words for a counter (c0 .. c3) and a key (k0, k1). */
  static int[] philox(int c0, int c1, int c2, int c3, int k0, int k1) {
    for (int round = 0; round < ROUNDS; round++) {
      long product0 = MULTIPLIER_0 * (c0 & 0xFFFF_FFFFL);
      long product1 = MULTIPLIER_1 * (c2 & 0xFFFF_FFFFL);
      c0 = (int) (product1 >>> 32) ^ c1 ^ k0;
      c1 = (int) product1;
      c2 = (int) (product0 >>> 32) ^ c3 ^ k1;
      c3 = (int) product0;
      k0 += WEYL_0;
      k1 += WEYL_1;
    }
    return new int[] {c0, c1, c2, c3};
  }
}
