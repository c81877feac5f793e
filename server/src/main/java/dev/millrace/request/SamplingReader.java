package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;
import static dev.millrace.request.InvalidRequestException.unimplemented;

import dev.millrace.sampling.SamplingSettings;
import dev.millrace.v1.SamplingParameters;
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

  static SamplingSettings read(SamplingParameters effective) {
    float temperature = effective.getTemperature();
    boolean allowed =
        temperature == 0f
            || temperature >= Limits.MIN_TEMPERATURE && temperature <= Limits.MAX_TEMPERATURE;
    if (!allowed) {
      throw invalid(
          PATH + "temperature",
          temperature
              + "; allowed is 0 (greedy), or "
              + Limits.MIN_TEMPERATURE
              + " to "
              + Limits.MAX_TEMPERATURE);
    }
    checkCuts(effective);
    checkPenalties(effective);
    if (effective.getLogitBiasCount() > 0) {
      throw unimplemented(PATH + "logit_bias", "leave it empty");
    }
    // A temperature of -0 is 0.
    return SamplingSettings.of(temperature == 0f ? 0f : temperature, effective.getSeed());
  }

  private static void checkCuts(SamplingParameters effective) {
    onlyOff("top_k", Integer.toUnsignedLong(effective.getTopK()), 0);
    float topP = effective.getTopP();
    if (!(topP > 0f && topP <= 1f)) {
      throw invalid(PATH + "top_p", topP + "; allowed is above 0, to 1");
    }
    onlyOff("top_p", topP, 1);
    float minP = effective.getMinP();
    if (!(minP >= 0f && minP < 1f)) {
      throw invalid(PATH + "min_p", minP + "; allowed is 0 to below 1");
    }
    onlyOff("min_p", minP, 0);
  }

  private static void checkPenalties(SamplingParameters effective) {
    float repetition = effective.getRepetitionPenalty();
    if (!(repetition > 0f && Float.isFinite(repetition))) {
      throw invalid(PATH + "repetition_penalty", repetition + "; allowed is above 0");
    }
    onlyOff("repetition_penalty", repetition, 1);
    checkAdditive("frequency_penalty", effective.getFrequencyPenalty());
    checkAdditive("presence_penalty", effective.getPresencePenalty());
    // A penalty_window may be anything: with the penalties off, nothing looks through it.
  }

  private static void checkAdditive(String field, float penalty) {
    if (!(penalty >= -2f && penalty <= 2f)) {
      throw invalid(PATH + field, penalty + "; allowed is -2 to 2");
    }
    onlyOff(field, penalty, 0);
  }

  private static void onlyOff(String field, Number value, int off) {
    if (value.doubleValue() != off) {
      throw unimplemented(
          PATH + field, off + " turns it off; " + value + " was given, or is the model's default");
    }
  }
}
