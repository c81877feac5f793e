package dev.millrace.request;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFormatException;

/** What unset sampling fields take: the model's own wishes, else the contract's defaults. */
public record SamplingDefaults(
    float temperature,
    int topK,
    float topP,
    float minP,
    float repetitionPenalty,
    int penaltyWindow) {

  public static final SamplingDefaults OF_CONTRACT = new SamplingDefaults(0f, 0, 1f, 0f, 1f, 0);

  /** As GGUF carries a model's generation_config. */
  public static SamplingDefaults from(Metadata metadata) {
    return new SamplingDefaults(
        metadata.findNumber("general.sampling.temp").orElse(OF_CONTRACT.temperature),
        count(metadata, "general.sampling.top_k", OF_CONTRACT.topK),
        metadata.findNumber("general.sampling.top_p").orElse(OF_CONTRACT.topP),
        metadata.findNumber("general.sampling.min_p").orElse(OF_CONTRACT.minP),
        metadata
            .findNumber("general.sampling.penalty_repeat")
            .orElse(OF_CONTRACT.repetitionPenalty),
        count(metadata, "general.sampling.penalty_last_n", OF_CONTRACT.penaltyWindow));
  }

  private static int count(Metadata metadata, String key, int otherwise) {
    int value = metadata.findInteger(key).orElse(otherwise);
    if (value < 0) {
      throw new ModelFormatException("metadata key " + key + ": " + value + " is negative");
    }
    return value;
  }
}
