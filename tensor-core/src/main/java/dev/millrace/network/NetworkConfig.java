package dev.millrace.network;

/**
 * A Llama-like network's sizes, read from metadata and checked.
 *
 * @param architecture as in the file: "llama"
 * @param contextLength positions that the model was made for
 */
public record NetworkConfig(
    String architecture,
    int layers,
    int hidden,
    int heads,
    int kvHeads,
    int headDim,
    int ffn,
    int vocabulary,
    int contextLength,
    float rmsEpsilon,
    RopeConfig rope) {

  /**
   * @param dimensions features of a head that are rotated
   * @param scaling how positions or frequencies are stretched
   */
  public record RopeConfig(int dimensions, float base, RopeScaling scaling) {}

  /** What follows RoPE's frequencies to longer contexts. */
  public sealed interface RopeScaling {
    record None() implements RopeScaling {}

    /** Positions divided by factor (Chen et al. 2023, position interpolation). */
    record Linear(float factor) implements RopeScaling {}

    /**
     * Per-frequency divisors, as Llama 3.1 files carry them in rope_freqs.weight, [dimensions/2].
     */
    record Frequencies(float[] divisors) implements RopeScaling {}
  }
}
