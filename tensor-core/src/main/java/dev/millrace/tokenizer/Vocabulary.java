package dev.millrace.tokenizer;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFormatException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * A file's tokens, checked: texts as the file spells them (byte-level BPE's in its alphabet),
 * types, scores, all by id.
 *
 * @param ids a token's id by its text; empty texts aren't in it
 * @param scores zeros where the file has none
 */
record Vocabulary(
    List<String> texts, List<TokenType> types, float[] scores, Map<String, Integer> ids) {
  static final int NONE = -1;

  /** More than any model has (the largest vocabularies have some 260,000). */
  static final int MAX_TOKENS = 1 << 22;

  /** Lengths enter the cost of every look-up (real tokens have at most some 256 bytes). */
  static final int MAX_TOKEN_BYTES = 1024;

  private static final String TOKENS = "tokenizer.ggml.tokens";
  private static final String TYPES = "tokenizer.ggml.token_type";
  private static final String SCORES = "tokenizer.ggml.scores";

  static Vocabulary read(Metadata metadata) {
    List<String> texts = metadata.strings(TOKENS);
    int size = texts.size();
    if (size == 0 || size > MAX_TOKENS) {
      throw new ModelFormatException(
          "metadata key " + TOKENS + ": " + size + " tokens; 1 to " + MAX_TOKENS + " are allowed");
    }
    TokenType[] types = new TokenType[size];
    Arrays.fill(types, TokenType.NORMAL);
    metadata
        .findInts(TYPES)
        .ifPresent(
            numbers -> {
              checkLength(TYPES, numbers.length, size);
              Arrays.setAll(types, id -> TokenType.of(numbers[id]));
            });
    float[] scores = metadata.findFloats(SCORES).orElseGet(() -> new float[size]);
    checkLength(SCORES, scores.length, size);

    Map<String, Integer> ids = HashMap.newHashMap(size);
    for (int id = 0; id < size; id++) {
      String text = texts.get(id);
      checkToken(id, text, types[id], scores[id]);
      Integer earlier = text.isEmpty() ? null : ids.putIfAbsent(text, id);
      if (earlier != null) {
        throw new ModelFormatException(
            "metadata key %s: tokens %d and %d are both %s"
                .formatted(TOKENS, earlier, id, quote(text)));
      }
      if (SpecialTokens.looksLikeControl(text)) {
        types[id] = TokenType.CONTROL;
      }
    }
    return new Vocabulary(List.copyOf(texts), List.of(types), scores, ids);
  }

  int size() {
    return texts.size();
  }

  /** A token's id by its text, or {@link #NONE}. */
  int find(String text) {
    return ids.getOrDefault(text, NONE);
  }

  /** The same among the tokens that plain text is made of. */
  int findPlain(String text) {
    int id = find(text);
    return id != NONE && types.get(id).isPlain() ? id : NONE;
  }

  /** A byte token's byte. */
  byte byteOf(int id) {
    return (byte) Integer.parseInt(texts.get(id).substring(3, 5), 16);
  }

  /** A token's text as UTF-8. */
  byte[] utf8(int id) {
    return texts.get(id).getBytes(StandardCharsets.UTF_8);
  }

  /** For messages: a text of the file's, cut to a readable length. */
  static String quote(String text) {
    return '"' + (text.length() <= 40 ? text : text.substring(0, 40) + "...") + '"';
  }

  private static void checkLength(String key, int length, int tokens) {
    if (length < tokens) {
      throw new ModelFormatException(
          "metadata key %s: has %d entries for %d tokens".formatted(key, length, tokens));
    }
  }

  private static void checkToken(int id, String text, TokenType type, float score) {
    if (text.length() > MAX_TOKEN_BYTES / 3 && Utf8.encode(text).length > MAX_TOKEN_BYTES) {
      throw new ModelFormatException(
          "metadata key %s: token %d, %s, is longer than the %d bytes that are allowed"
              .formatted(TOKENS, id, quote(text), MAX_TOKEN_BYTES));
    }
    if (type == TokenType.BYTE && !text.matches("<0x[0-9A-Fa-f]{2}>")) {
      throw new ModelFormatException(
          "metadata key %s: byte token %d is %s; <0x00> to <0xFF> are allowed"
              .formatted(TOKENS, id, quote(text)));
    }
    if (Float.isNaN(score)) {
      throw new ModelFormatException("metadata key %s: entry %d is NaN".formatted(SCORES, id));
    }
  }
}
