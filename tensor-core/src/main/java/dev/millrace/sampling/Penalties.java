package dev.millrace.sampling;

/**
 * What a token's earlier occurrences do to its logit x, in this order:
 *
 * <ol>
 *   <li>repetition r, for a token of the prompt or the output: x/r where x > 0, else x·r (Keskar et
 *       al., "CTRL", 2019);
 *   <li>frequency f and presence p, for a token that occurs c > 0 times in the output: x − c·f − p
 *       (OpenAI's API; so do vLLM and llama.cpp).
 * </ol>
 *
 * @param repetition above 0; 1 is off
 * @param frequency 0 is off
 * @param presence 0 is off
 * @param window how many of the last tokens are looked at; 0 is all
 */
public record Penalties(float repetition, float frequency, float presence, int window) {
  public static final Penalties NONE = new Penalties(1, 0, 0, 0);

  public Penalties {
    if (!(repetition > 0 && repetition < Float.POSITIVE_INFINITY)) {
      throw new IllegalArgumentException(
          "repetition penalty " + repetition + "; finite numbers above 0 are allowed");
    }
    if (!Float.isFinite(frequency) || !Float.isFinite(presence)) {
      throw new IllegalArgumentException(
          "frequency penalty %s, presence penalty %s; finite numbers are allowed"
              .formatted(frequency, presence));
    }
    if (window < 0) {
      throw new IllegalArgumentException("penalty window " + window + "; allowed is 0 and above");
    }
  }

  boolean areOff() {
    return repetition == 1 && isAdditiveOff();
  }

  private boolean isAdditiveOff() {
    return frequency == 0 && presence == 0;
  }

  /**
   * A token's logit after the penalties.
   *
   * @param occurrences in the output, as far as the window reaches
   */
  float apply(float logit, int occurrences) {
    float repeated = logit > 0 ? logit / repetition : logit * repetition;
    return occurrences == 0 ? repeated : repeated - occurrences * frequency - presence;
  }
}
