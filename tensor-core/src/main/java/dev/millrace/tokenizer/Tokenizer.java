package dev.millrace.tokenizer;

import java.util.BitSet;
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

  /**
   * Ids of a text that others wrote parts of: special tokens are read only where all of their
   * characters may be special; elsewhere their texts are plain text. Adds nothing.
   *
   * @param special by the text's UTF-16 units
   * @param continues whether plain text goes before it, so that it isn't the first of its text
   */
  int[] encodeMarked(String text, BitSet special, boolean continues);

  /**
   * As {@link #encode}, with where each token stands in the text, in UTF-8 bytes: spans don't
   * overlap, and ascend. A space that encode puts in front takes no room: a token that is only that
   * is an empty span, one that begins with it spans the rest. Bytes that no token covers are those
   * that the vocabulary can't spell.
   */
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

  OptionalInt eos();

  /** Whether encode puts BOS in front when addSpecial is set. */
  boolean addsBos();

  /**
   * A decoder of tokens that continue a text, as generated ones do: a space that the first one
   * begins with is kept.
   */
  TextDecoder decoder(boolean skipSpecial);

  /**
   * A decoder of tokens from a text's beginning: the space that encode puts in front of it (as
   * SentencePiece does) is taken off the first one again, unless a special token that isn't skipped
   * comes before. The same as {@link #decoder} where encode adds no space.
   */
  default TextDecoder wholeTextDecoder(boolean skipSpecial) {
    return decoder(skipSpecial);
  }

  /** The text of all ids, from its beginning. */
  default String decode(int[] ids, boolean skipSpecial) {
    TextDecoder decoder = wholeTextDecoder(skipSpecial);
    StringBuilder text = new StringBuilder();
    for (int id : ids) {
      text.append(decoder.add(id));
    }
    return text.append(decoder.finish()).toString();
  }
}
