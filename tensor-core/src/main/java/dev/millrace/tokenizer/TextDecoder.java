package dev.millrace.tokenizer;

/** Turns a stream of tokens into a stream of whole characters. O(1) a token; not thread-safe. */
public interface TextDecoder {
  /** Adds a token; returns the characters that are complete now, maybe none. */
  String add(int id);

  /** Ends the stream: bytes that never became a character come out as U+FFFD. */
  String finish();
}
