package dev.millrace.tokenizer;

import dev.millrace.model.Metadata;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Small vocabularies by hand. */
final class MetadataBuilder {
  static final int NORMAL = 1;
  static final int UNKNOWN = 2;
  static final int CONTROL = 3;
  static final int USER_DEFINED = 4;
  static final int BYTE = 6;

  private final Map<String, Object> values = new HashMap<>();
  private final List<String> tokens = new ArrayList<>();
  private final List<Integer> types = new ArrayList<>();
  private final List<Float> scores = new ArrayList<>();
  private final List<String> merges = new ArrayList<>();

  /** All 256 bytes, their ids their values, and what {@code merges} make: "a b", "ab c". */
  static MetadataBuilder byteLevel(String... merges) {
    MetadataBuilder builder = new MetadataBuilder();
    builder.with("tokenizer.ggml.model", "gpt2").with("tokenizer.ggml.pre", "gpt-2");
    VocabularyFiles.ALPHABET.chars().forEach(c -> builder.token("" + (char) c, NORMAL));
    for (String merge : merges) {
      builder.merge(merge).token(merge.replace(" ", ""), NORMAL);
    }
    return builder;
  }

  /** {@code <unk> <s> </s>}, then the 256 bytes from id 3. */
  static MetadataBuilder sentencePiece() {
    MetadataBuilder builder = new MetadataBuilder();
    builder.with("tokenizer.ggml.model", "llama");
    builder.token("<unk>", UNKNOWN).token("<s>", CONTROL).token("</s>", CONTROL);
    for (int b = 0; b < 256; b++) {
      builder.token("<0x%02X>".formatted(b), BYTE);
    }
    return builder;
  }

  MetadataBuilder with(String key, Object value) {
    values.put(key, value);
    return this;
  }

  MetadataBuilder token(String text, int type) {
    return token(text, type, 0);
  }

  /** Its id is how many there were before. */
  MetadataBuilder token(String text, int type, float score) {
    tokens.add(text);
    types.add(type);
    scores.add(score);
    return this;
  }

  MetadataBuilder merge(String line) {
    merges.add(line);
    return this;
  }

  int id(String text) {
    return tokens.indexOf(text);
  }

  Metadata metadata() {
    float[] scoreArray = new float[scores.size()];
    for (int i = 0; i < scoreArray.length; i++) {
      scoreArray[i] = scores.get(i);
    }
    Map<String, Object> all = new HashMap<>();
    all.put("tokenizer.ggml.tokens", List.copyOf(tokens));
    all.put("tokenizer.ggml.token_type", types.stream().mapToInt(t -> t).toArray());
    all.put("tokenizer.ggml.scores", scoreArray);
    all.put("tokenizer.ggml.merges", List.copyOf(merges));
    all.putAll(values);
    return new Metadata(all);
  }

  Tokenizer tokenizer() {
    return Tokenizers.from(metadata());
  }
}
