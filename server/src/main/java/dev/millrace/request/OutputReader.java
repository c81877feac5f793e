package dev.millrace.request;

import static dev.millrace.request.InvalidRequestException.invalid;

import dev.millrace.request.GenerationRequest.OutputSettings;
import dev.millrace.v1.LogprobsKind;
import dev.millrace.v1.OutputOptions;

/** What to tell besides text. */
final class OutputReader {
  private static final String PATH = "output.";

  private OutputReader() {}

  static OutputSettings read(OutputOptions asked) {
    int topCandidates =
        Checks.count(
            PATH + "top_candidates", asked.getTopCandidates(), 0, Limits.MAX_TOP_CANDIDATES);
    Checks.known(PATH + "logprobs_kind", asked.getLogprobsKind(), asked.getLogprobsKindValue());
    checkHolders(asked);
    int tokensPerEvent =
        asked.hasTokensPerEvent()
            ? Checks.count(
                PATH + "tokens_per_event",
                asked.getTokensPerEvent(),
                1,
                Limits.MAX_TOKENS_PER_EVENT)
            : 1;
    return new OutputSettings(
        asked.getTokens(),
        asked.getPromptTokens(),
        asked.getLogprobs(),
        asked.getLogprobsKind() == LogprobsKind.LOGPROBS_KIND_PROCESSED,
        topCandidates,
        asked.getEchoPrompt(),
        tokensPerEvent,
        false);
  }

  /** What goes into TokenInfo is only sent where TokenInfo is; asked for alone, it would vanish. */
  private static void checkHolders(OutputOptions asked) {
    if (!asked.getTokens() && !asked.getPromptTokens()) {
      String needs = "goes into TokenInfo, so it needs output.tokens or output.prompt_tokens";
      if (asked.getLogprobs()) {
        throw invalid(PATH + "logprobs", needs);
      }
      if (asked.getTopCandidates() != 0) {
        throw invalid(PATH + "top_candidates", needs);
      }
    }
    if (asked.getLogprobsKind() != LogprobsKind.LOGPROBS_KIND_UNSPECIFIED
        && !asked.getLogprobs()
        && asked.getTopCandidates() == 0) {
      throw invalid(
          PATH + "logprobs_kind", "says which; it needs output.logprobs or output.top_candidates");
    }
  }
}
