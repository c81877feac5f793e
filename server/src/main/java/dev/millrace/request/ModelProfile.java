package dev.millrace.request;

import dev.millrace.grammar.FormatCompiler;
import dev.millrace.grammar.machine.TokenTrie;
import dev.millrace.kernel.Numerics;
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
 * @param numerics what fixes the bits of its answers, {@link Numerics#of}
 * @param longestPiece bytes of the longest token, so that a text can be refused before it is
 *     tokenized
 * @param formats compiles what outputs obey
 * @param chat how conversations become text
 */
public record ModelProfile(
    String name,
    String fingerprint,
    Tokenizer tokenizer,
    int contextLength,
    int poolTokens,
    SamplingDefaults defaults,
    int numerics,
    int longestPiece,
    FormatCompiler formats,
    ChatSupport chat) {

  public static ModelProfile of(
      String name,
      String fingerprint,
      Tokenizer tokenizer,
      int contextLength,
      int poolTokens,
      SamplingDefaults defaults,
      int numerics) {
    int longest = 1;
    for (int id = 0; id < tokenizer.vocabularySize(); id++) {
      longest = Math.max(longest, tokenizer.piece(id).length);
    }
    return new ModelProfile(
        name,
        fingerprint,
        tokenizer,
        contextLength,
        poolTokens,
        defaults,
        numerics,
        longest,
        new FormatCompiler(() -> TokenTrie.of(tokenizer)),
        ChatSupport.noTemplate());
  }

  /** The same with a chat template. */
  public ModelProfile with(ChatSupport support) {
    return new ModelProfile(
        name,
        fingerprint,
        tokenizer,
        contextLength,
        poolTokens,
        defaults,
        numerics,
        longestPiece,
        formats,
        support);
  }

  /** Positions that one sequence can have: prompt and output together. */
  public int maxPositions() {
    return Math.min(contextLength, poolTokens);
  }
}
