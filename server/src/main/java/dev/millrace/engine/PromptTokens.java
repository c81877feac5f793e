package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.PromptProcessed;
import dev.millrace.request.GenerationRequest;
import dev.millrace.request.Limits;
import dev.millrace.sampling.SampledToken;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is told of a prompt's tokens. With log-probabilities, the logits behind each position say
 * how likely the next token was; the first has nothing in front of it, and so no score. Kept until
 * the prompt has been told; owned by the engine's thread.
 */
final class PromptTokens {
  private final GenerationRequest request;
  private SampledToken @Nullable [] scores; // by position; null where none is wanted

  PromptTokens(GenerationRequest request) {
    this.request = request;
    if (request.wantsPromptLogprobs()) {
      scores = new SampledToken[request.prompt().length];
      scores[0] = unscored(0);
    }
  }

  private SampledToken unscored(int position) {
    return new SampledToken(request.prompt()[position], Float.NaN, 0, List.of());
  }

  /** Whether all of its positions have to be computed, whatever a cache holds. */
  boolean wantScores() {
    return scores != null;
  }

  /** Whether logits behind any of the positions [from, end) are wanted; scores ascend. */
  boolean wantLogits(int from, int end) {
    int last = Math.min(end, request.prompt().length - 1) - 1;
    return last >= from && wantLogitsBehind(last);
  }

  /** Whether the logits behind a position are wanted for the token that stands there next. */
  boolean wantLogitsBehind(int position) {
    return scores != null && position + 1 < scores.length && scores[position + 1] == null;
  }

  void score(int position, SampledToken token) {
    if (scores != null) {
      scores[position] = token;
    }
  }

  /** Whether all logits that were wanted so far were finite. */
  boolean areFinite() {
    return scores == null
        || Arrays.stream(scores).allMatch(token -> token == null || token.id() >= 0);
  }

  /** The events that tell the prompt; once. */
  List<PromptProcessed> take(int cachedTokens) {
    if (!request.output().promptTokens()) {
      return List.of(new PromptProcessed(cachedTokens));
    }
    List<PromptProcessed> events = new ArrayList<>();
    int length = request.prompt().length;
    for (int from = 0; from < length; from += Limits.TOKENS_PER_PROMPT_EVENT) {
      List<SampledToken> tokens = new ArrayList<>();
      int end = Math.min(length, from + Limits.TOKENS_PER_PROMPT_EVENT);
      for (int i = from; i < end; i++) {
        SampledToken score = scores == null ? null : scores[i];
        tokens.add(score == null ? unscored(i) : score);
      }
      events.add(new PromptProcessed(cachedTokens, List.copyOf(tokens)));
    }
    scores = null;
    return events;
  }
}
