package dev.millrace.request;

import dev.millrace.tokenizer.Tokenizer;

/**
 * What one must know of a served model to tell whether a request can be served.
 *
 * @param name by which callers ask for it
 * @param fingerprint of its weights and of the settings that answers depend on: what a resumed
 *     stream must have been begun on
 * @param contextLength positions that the model was made for
 * @param poolTokens positions that the whole KV pool holds
 * @param defaults what unset sampling fields take
 * @param longestPiece bytes of the longest token, so that a text can be refused before it is
 *     tokenized
 */
public record ModelProfile(
    String name,
    String fingerprint,
    Tokenizer tokenizer,
    int contextLength,
    int poolTokens,
    SamplingDefaults defaults,
    int longestPiece) {

  public static ModelProfile of(
      String name,
      String fingerprint,
      Tokenizer tokenizer,
      int contextLength,
      int poolTokens,
      SamplingDefaults defaults) {
    int longest = 1;
    for (int id = 0; id < tokenizer.vocabularySize(); id++) {
      longest = Math.max(longest, tokenizer.piece(id).length);
    }
    return new ModelProfile(
        name, fingerprint, tokenizer, contextLength, poolTokens, defaults, longest);
  }

  /** Positions that one sequence can have: prompt and output together. */
  public int maxPositions() {
    return Math.min(contextLength, poolTokens);
  }
}
