package dev.millrace.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** What is told, and how. */
final class TellOptions {
  /** Whose log-probabilities. */
  enum Logprobs {
    RAW,
    PROCESSED
  }

  @Option(names = "--echo", description = "Prints the prompt in front of the output.")
  boolean echo;

  @Option(
      names = "--tokens",
      description = "Prints a line for each token, with its id, instead of the text.")
  boolean tokens;

  @Option(
      names = "--prompt-tokens",
      description = "Prints a line for each of the prompt's tokens as well.")
  boolean promptTokens;

  @Option(
      names = "--logprobs",
      paramLabel = "KIND",
      arity = "0..1",
      fallbackValue = "RAW",
      description =
          "With --tokens: adds log-probabilities and ranks, raw (the model's own) or processed (of"
              + " what was drawn from). Alone it is raw.")
  @Nullable Logprobs logprobs;

  @Option(
      names = "--top-candidates",
      paramLabel = "N",
      description = "With --tokens: adds the N likeliest tokens, at most 20.")
  int topCandidates;

  @Option(
      names = "--tokens-per-event",
      paramLabel = "N",
      description = "Gets text no more often than every N tokens. Default: 1.")
  @Nullable Integer tokensPerEvent;

  @Option(
      names = "--json",
      description =
          "Prints one event a line, as JSON: the fields of GenerateResponse by their names in"
              + " the API, those at their default left out.")
  boolean json;

  @Option(names = "--stats", description = "Tells counts and speed at the end, on standard error.")
  boolean stats;
}
