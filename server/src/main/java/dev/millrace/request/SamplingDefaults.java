package dev.millrace.request;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFormatException;
import java.util.function.Predicate;

/** What unset sampling fields take: the model's own wishes, else the contract's defaults. */
public record SamplingDefaults(
    float temperature,
    int topK,
    float topP,
    float minP,
    float repetitionPenalty,
    int penaltyWindow) {

  private static final String PREFIX = "general.sampling.";

  public static final SamplingDefaults OF_CONTRACT = new SamplingDefaults(0f, 0, 1f, 0f, 1f, 0);

  /**
   * As GGUF carries a model's generation_config, by llama.cpp's names. Numbers mean there what they
   * mean here, but for those that llama.cpp reads as off: a temperature or top_k below 0; a
   * penalty_last_n of 0, where a negative one is all.
   */
  public static SamplingDefaults from(Metadata metadata) {
    int lastN = metadata.findInteger(PREFIX + "penalty_last_n").orElse(-1);
    float repetition =
        number(metadata, "penalty_repeat", OF_CONTRACT.repetitionPenalty, r -> r > 0, "above 0");
    return new SamplingDefaults(
        Math.max(
            0,
            number(
                metadata,
                "temp",
                OF_CONTRACT.temperature,
                t -> t <= Limits.MAX_TEMPERATURE,
                "at most " + Limits.MAX_TEMPERATURE)),
        Math.max(0, metadata.findInteger(PREFIX + "top_k").orElse(OF_CONTRACT.topK)),
        number(metadata, "top_p", OF_CONTRACT.topP, p -> p > 0 && p <= 1, "above 0, to 1"),
        number(metadata, "min_p", OF_CONTRACT.minP, p -> p >= 0 && p < 1, "0 to below 1"),
        lastN == 0 ? OF_CONTRACT.repetitionPenalty : repetition,
        Math.max(0, lastN));
  }

  /** What a request without this field would be refused for is the file's fault: said at once. */
  private static float number(
      Metadata metadata, String name, float otherwise, Predicate<Float> allowed, String what) {
    float value = metadata.findNumber(PREFIX + name).orElse(otherwise);
    if (!Float.isFinite(value) || !allowed.test(value)) {
      throw new ModelFormatException(
          "metadata key %s%s: %s; allowed is %s".formatted(PREFIX, name, value, what));
    }
    return value;
  }
}
