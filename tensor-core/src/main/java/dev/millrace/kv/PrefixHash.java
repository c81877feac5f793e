package dev.millrace.kv;

import java.security.SecureRandom;

/**
 * The names of full blocks: each hashes its tokens and the name of the block in front of it, the
 * first one what it is shared within. Names are for finding only: two blocks may have one, so
 * whoever finds a block compares its tokens.
 *
 * @param secret unknown to callers, who else could look for blocks of others by making prompts
 *     whose names collide with theirs
 * @param bits of a name that count: all 64, but for tests that want collisions
 */
public record PrefixHash(long secret, int bits) {
  public PrefixHash {
    if (bits < 1 || bits > 64) {
      throw new IllegalArgumentException("bits is " + bits + ": allowed are 1 to 64");
    }
  }

  /** With a new secret. */
  public static PrefixHash random() {
    return new PrefixHash(new SecureRandom().nextLong(), 64);
  }

  /** The name in front of the first block. */
  public long root(String salt) {
    long hash = mix(secret);
    for (int i = 0; i < salt.length(); i++) {
      hash = mix(hash ^ salt.charAt(i));
    }
    return hash;
  }

  /** The name of the block that holds tokens [from, from + count) behind another. */
  public long next(long parent, int[] tokens, int from, int count) {
    long hash = mix(parent ^ secret);
    for (int i = from; i < from + count; i++) {
      hash = mix(hash ^ tokens[i]);
    }
    return hash >>> (64 - bits);
  }

  private static long mix(long value) { // the finalizer of SplitMix64
    long z = value + 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
