package dev.millrace.tokenizer;

/** What a token is for, by {@code tokenizer.ggml.token_type}. */
enum TokenType {
  NORMAL,
  /** Stands for what has no token. Read from text only where special tokens are parsed. */
  UNKNOWN,
  /** Steers the model. Read from text only where special tokens are parsed. */
  CONTROL,
  /** Always read from text, before anything else. */
  USER_DEFINED,
  UNUSED,
  /** One byte, spelled {@code <0x0A>}. */
  BYTE;

  /** GGUF's numbers; 0 and unknown ones are read as normal tokens. */
  static TokenType of(int number) {
    return switch (number) {
      case 2 -> UNKNOWN;
      case 3 -> CONTROL;
      case 4 -> USER_DEFINED;
      case 5 -> UNUSED;
      case 6 -> BYTE;
      default -> NORMAL;
    };
  }

  /** Whether a token's text isn't part of generated text. */
  boolean isSpecial() {
    return this == CONTROL || this == UNKNOWN;
  }

  /** Whether plain text may become this token by merging. */
  boolean isPlain() {
    return !isSpecial() && this != BYTE;
  }
}
