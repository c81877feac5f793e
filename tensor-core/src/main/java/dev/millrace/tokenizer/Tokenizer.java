package dev.millrace.tokenizer;

import java.util.List;
import java.util.OptionalInt;

/** Text to ids and back. Immutable; shared between threads. */
public interface Tokenizer {
  int vocabularySize();

  /**
   * @param addSpecial put in front (and behind) what the model expects: BOS, EOS as the file says
   * @param parseSpecial read special tokens' own texts as those tokens; else they are plain text
   */
  int[] encode(String text, boolean addSpecial, boolean parseSpecial);

  /** As {@link #encode}, with where each token stands in the text, in UTF-8 bytes. */
  List<TokenSpan> encodeWithSpans(String text, boolean addSpecial, boolean parseSpecial);

  /**
   * @param begin first byte in the text's UTF-8; added tokens (BOS) are empty spans
   * @param end one past the last
   */
  record TokenSpan(int id, int begin, int end) {}

  /**
   * A token's own bytes, not always whole characters. Special tokens give their own texts. Not to
   * be changed.
   */
  byte[] piece(int id);

  /** Whether a token is special (control): its text is not part of generated text. */
  boolean isSpecial(int id);

  /**
   * Whether a token ends a text: EOS, EOT and every other end-of-generation token that the file
   * names or the family uses.
   */
  boolean isEndOfGeneration(int id);

  /** All of them, ascending. */
  int[] endOfGenerationIds();

  OptionalInt bos();

  /** Whether encode puts BOS in front when addSpecial is set. */
  boolean addsBos();

  /** A decoder of a stream of tokens. */
  TextDecoder decoder(boolean skipSpecial);

  /** The text of all ids. */
  default String decode(int[] ids, boolean skipSpecial) {
    TextDecoder decoder = decoder(skipSpecial);
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(decoder.add(id));
    }
    return text.append(decoder.finish()).toString();
  }
}
