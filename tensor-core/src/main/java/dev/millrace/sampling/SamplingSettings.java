package dev.millrace.sampling;

/**
 * How the next token is chosen. Grows with the contract's SamplingParameters.
 *
 * @param temperature 0 is greedy
 * @param seed of the counter-based generator
 */
public record SamplingSettings(float temperature, long seed) {
  public SamplingSettings {
    if (!(temperature >= 0 && temperature < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "temperature " + temperature + "; finite numbers from 0 are allowed");
    }
  }
}
