package dev.millrace.tokenizer;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFormatException;
import dev.millrace.tokenizer.SpecialTokens.Defaults;

/** Makes a tokenizer from a model's metadata ({@code tokenizer.ggml.*}). */
public final class Tokenizers {
  private static final String MODEL = "tokenizer.ggml.model";

  private Tokenizers() {}

  /**
   * @throws ModelFormatException if the metadata names no tokenizer that is known here, or
   *     contradicts itself; the message names the key
   */
  public static Tokenizer from(Metadata metadata) {
    String model = metadata.string(MODEL);
    return switch (model) {
      case "gpt2" -> byteLevel(metadata);
      case "llama" -> sentencePiece(metadata);
      default ->
          throw new ModelFormatException(
              "metadata key %s: unknown tokenizer %s; known are gpt2, llama"
                  .formatted(MODEL, Vocabulary.quote(model)));
    };
  }

  /** A file without {@code tokenizer.ggml.pre} is older than the key; it gets "default". */
  private static Tokenizer byteLevel(Metadata metadata) {
    PreTokenizer preTokenizer =
        PreTokenizer.named(metadata.findString("tokenizer.ggml.pre").orElse(PreTokenizer.DEFAULT));
    Vocabulary vocabulary = Vocabulary.read(metadata);
    SpecialTokens special =
        SpecialTokens.read(metadata, vocabulary, Defaults.byteLevel(preTokenizer.addBos()));
    return new SubwordTokenizer(
        vocabulary,
        special,
        new ByteLevelBpe(vocabulary, metadata.strings("tokenizer.ggml.merges"), preTokenizer));
  }

  private static Tokenizer sentencePiece(Metadata metadata) {
    Vocabulary vocabulary = Vocabulary.read(metadata);
    SpecialTokens special = SpecialTokens.read(metadata, vocabulary, Defaults.SENTENCE_PIECE);
    return new SubwordTokenizer(
        vocabulary, special, new SentencePieceBpe(vocabulary, metadata, special.unknown()));
  }
}
