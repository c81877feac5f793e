package dev.millrace.cli;

import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.Option;

/** How tokens are drawn. What isn't given is the model's own wish, else the API's default. */
final class SamplingOptions {
  @Option(
      names = "--temperature",
      paramLabel = "T",
      description = "0 always takes the likeliest token. Default: the model's own, else 0.")
  @Nullable Float temperature;

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Draws from the K likeliest; 0 is off. Default: the model's own, else 0.")
  @Nullable Integer topK;

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description =
          "Draws from the fewest likeliest whose probabilities sum to P; 1 is off. Default: the"
              + " model's own, else 1.")
  @Nullable Float topP;

  @Option(
      names = "--min-p",
      paramLabel = "P",
      description =
          "Draws from those at least P times as likely as the likeliest; 0 is off. Default: the"
              + " model's own, else 0.")
  @Nullable Float minP;

  @Option(
      names = "--repetition-penalty",
      paramLabel = "R",
      description =
          "Divides the logits of tokens of the prompt and the output; 1 is off. Default: the"
              + " model's own, else 1.")
  @Nullable Float repetitionPenalty;

  @Option(
      names = "--frequency-penalty",
      paramLabel = "F",
      description = "Taken off a token's logit for each time it is in the output; -2 to 2.")
  @Nullable Float frequencyPenalty;

  @Option(
      names = "--presence-penalty",
      paramLabel = "F",
      description = "Taken off a token's logit once it is in the output; -2 to 2.")
  @Nullable Float presencePenalty;

  @Option(
      names = "--penalty-window",
      paramLabel = "N",
      description = "Penalties look at the last N tokens; 0 is all.")
  @Nullable Integer penaltyWindow;

  @Option(
      names = "--logit-bias",
      paramLabel = "ID=BIAS",
      description =
          "Added to the logit of a token; -Infinity forbids it. Can be given several times.")
  Map<Integer, Float> logitBias = new LinkedHashMap<>();

  @Option(
      names = "--seed",
      paramLabel = "N",
      converter = Unsigned.class,
      description = "The same seed gives the same text. Default: drawn by the server.")
  @Nullable Long seed;

  /** Any 64 bits, written without a sign. */
  static final class Unsigned implements ITypeConverter<Long> {
    @Override
    public Long convert(String text) {
      return Long.parseUnsignedLong(text);
    }
  }
}
