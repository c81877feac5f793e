package dev.millrace.tokenizer;

/** What the two families of BPE do differently. Immutable. */
sealed interface BytePairEncoding permits ByteLevelBpe, SentencePieceBpe {
  /**
   * Encodes text that holds no special tokens, [from, to), not empty.
   *
   * @param afterSpecial whether it is the text's beginning or follows a special token
   * @param merger to work with; what it held is lost
   */
  void encode(
      byte[] text, int from, int to, boolean afterSpecial, PairMerger merger, TokenSink tokens);

  /** A token's own bytes. */
  byte[] piece(int id);

  /** Whether encode puts a space in front of a text that decoding a whole text takes off again. */
  boolean addsSpacePrefix();

  /** Takes tokens in order; [from, to) is where one stands in the text's UTF-8. */
  interface TokenSink {
    void token(int id, int from, int to);
  }
}
