package dev.millrace.tokenizer;

/** Cuts a stretch of UTF-8 text into consecutive pieces, in time proportional to its length. */
interface Splitter {
  /** Calls {@code pieces} for each piece of [from, to), in order, none of them empty. */
  void split(byte[] text, int from, int to, Pieces pieces);

  /** Takes pieces, [from, to) in bytes. */
  interface Pieces {
    void piece(int from, int to);
  }

  /** Cuts each piece of this one again. A piece's end is the end of the text to the next. */
  default Splitter then(Splitter next) {
    return (text, from, to, pieces) ->
        split(text, from, to, (pieceFrom, pieceTo) -> next.split(text, pieceFrom, pieceTo, pieces));
  }
}
