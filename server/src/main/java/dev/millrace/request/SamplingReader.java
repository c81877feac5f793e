package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;

import dev.millrace.sampling.Penalties;
import dev.millrace.sampling.SamplingSettings;
import dev.millrace.v1.SamplingParameters;
import java.util.Map;
import java.util.function.LongSupplier;

/** How tokens are drawn: fills in defaults and checks ranges. */
final class SamplingReader {
  private static final String PATH = "sampling.";

  private SamplingReader() {}

  /** Every field filled in: the caller's, else the default. */
  static SamplingParameters effective(
      SamplingParameters asked, SamplingDefaults defaults, LongSupplier seeds) {
    return SamplingParameters.newBuilder()
        .setTemperature(defaults.temperature())
        .setTopK(defaults.topK())
        .setTopP(defaults.topP())
        .setMinP(defaults.minP())
        .setRepetitionPenalty(defaults.repetitionPenalty())
        .setFrequencyPenalty(0f)
        .setPresencePenalty(0f)
        .setPenaltyWindow(defaults.penaltyWindow())
        .setSeed(asked.hasSeed() ? asked.getSeed() : seeds.getAsLong())
        .mergeFrom(asked)
        .build();
  }

  static SamplingSettings read(SamplingParameters effective, int vocabulary) {
    float temperature = effective.getTemperature();
    if (!(temperature >= 0f && temperature <= Limits.MAX_TEMPERATURE)) {
      throw invalid(
          PATH + "temperature",
          temperature + "; allowed is 0 (greedy) to " + Limits.MAX_TEMPERATURE);
    }
    float topP = effective.getTopP();
    if (!(topP > 0f && topP <= 1f)) {
      throw invalid(PATH + "top_p", topP + "; allowed is above 0, to 1");
    }
    float minP = effective.getMinP();
    if (!(minP >= 0f && minP < 1f)) {
      throw invalid(PATH + "min_p", minP + "; allowed is 0 to below 1");
    }
    return new SamplingSettings(
        temperature == 0f ? 0f : temperature, // -0 is 0
        saturated(effective.getTopK()),
        topP,
        minP,
        penalties(effective),
        logitBias(effective.getLogitBiasMap(), vocabulary),
        effective.getSeed());
  }

  private static Penalties penalties(SamplingParameters effective) {
    float repetition = effective.getRepetitionPenalty();
    if (!(repetition > 0f && Float.isFinite(repetition))) {
      throw invalid(PATH + "repetition_penalty", repetition + "; allowed is above 0");
    }
    return new Penalties(
        repetition,
        additive("frequency_penalty", effective.getFrequencyPenalty()),
        additive("presence_penalty", effective.getPresencePenalty()),
        saturated(effective.getPenaltyWindow()));
  }

  private static float additive(String field, float penalty) {
    if (!(penalty >= -2f && penalty <= 2f)) {
      throw invalid(PATH + field, penalty + "; allowed is -2 to 2");
    }
    return penalty;
  }

  private static Map<Integer, Float> logitBias(Map<Integer, Float> asked, int vocabulary) {
    String field = PATH + "logit_bias";
    Checks.atMost(field, "entries", asked.size(), Limits.MAX_LOGIT_BIAS_ENTRIES);
    asked.forEach(
        (id, bias) -> {
          String at = field + "[" + Integer.toUnsignedLong(id) + "]";
          if (Integer.compareUnsigned(id, vocabulary) >= 0) {
            throw invalid(at, "the vocabulary's ids are 0 to " + (vocabulary - 1));
          }
          if (!(bias < Float.POSITIVE_INFINITY)) {
            throw invalid(at, bias + "; allowed are finite numbers, and -Infinity to forbid");
          }
        });
    return asked;
  }

  /** A uint32 of which nothing from 2³¹ on differs: no context or vocabulary is as large. */
  private static int saturated(int unsigned) {
    return unsigned < 0 ? Integer.MAX_VALUE : unsigned;
  }
}
