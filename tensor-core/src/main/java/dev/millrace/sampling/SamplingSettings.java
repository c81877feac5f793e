package dev.millrace.sampling;

import java.util.Map;

/**
 * How the next token is chosen.
 *
 * @param temperature 0 is greedy
 * @param topK 0 is off
 * @param topP in (0, 1]; 1 is off
 * @param minP in [0, 1); 0 is off
 * @param logitBias added to logits, by token id; −∞ forbids
 * @param seed of the counter-based generator
 */
public record SamplingSettings(
    float temperature,
    int topK,
    float topP,
    float minP,
    Penalties penalties,
    Map<Integer, Float> logitBias,
    long seed) {

  public SamplingSettings {
    require(temperature >= 0 && temperature < Float.POSITIVE_INFINITY, "temperature", temperature);
    require(topK >= 0, "top-k", topK);
    require(topP > 0 && topP <= 1, "top-p", topP);
    require(minP >= 0 && minP < 1, "min-p", minP);
    logitBias = Map.copyOf(logitBias);
    for (float bias : logitBias.values()) {
      require(bias < Float.POSITIVE_INFINITY, "logit bias", bias); // NaN isn't either
    }
  }

  private static void require(boolean inRange, String what, Number value) {
    if (!inRange) {
      throw new IllegalArgumentException(what + " is " + value + ", out of its range");
    }
  }

  /** All of the model's distribution, but for its temperature. */
  public static SamplingSettings of(float temperature, long seed) {
    return new SamplingSettings(temperature, 0, 1, 0, Penalties.NONE, Map.of(), seed);
  }
}
