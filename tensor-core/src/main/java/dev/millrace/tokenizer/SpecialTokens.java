package dev.millrace.tokenizer;

import dev.millrace.model.Metadata;
import dev.millrace.model.ModelFormatException;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;

/**
 * Tokens with a role of their own, and which of them encoding adds.
 *
 * @param unknown stands for what has no token
 * @param endOfGeneration ascending
 */
record SpecialTokens(
    OptionalInt bos,
    OptionalInt eos,
    OptionalInt unknown,
    boolean addBos,
    boolean addEos,
    int[] endOfGeneration) {

  /**
   * What a tokenizer family takes for granted where the file is silent. Ids outside the vocabulary
   * count as none.
   */
  record Defaults(OptionalInt bos, OptionalInt eos, OptionalInt unknown, boolean addBos) {
    /** SentencePiece's own: unknown 0, BOS 1, EOS 2. */
    static final Defaults SENTENCE_PIECE =
        new Defaults(OptionalInt.of(1), OptionalInt.of(2), OptionalInt.of(0), true);

    static Defaults byteLevel(boolean addBos) {
      return new Defaults(OptionalInt.empty(), OptionalInt.empty(), OptionalInt.empty(), addBos);
    }
  }

  /** Keys whose token ends a text; infilling's padding and separators do, too. */
  private static final Set<String> END_KEYS =
      Set.of(key("eos"), key("eot"), key("eom"), key("fim_pad"), key("fim_rep"), key("fim_sep"));

  /**
   * Tokens that end a text by their names, in whichever family uses them. Nobody writes these, so
   * they count as control tokens even where a file gives them another type by mistake.
   */
  private static final Set<String> END_TEXTS =
      Set.of(
          "<|endoftext|>",
          "<|end_of_text|>",
          "<|im_end|>",
          "<|eot_id|>",
          "<|eom_id|>",
          "<|end|>",
          "<|return|>",
          "<|call|>",
          "<end_of_turn>",
          "<end_of_utterance>",
          "<｜end▁of▁sentence｜>",
          // Infilling's padding, repository and file separators.
          "<|fim_pad|>",
          "<|fim_repo|>",
          "<|repo_name|>",
          "<|file_sep|>");

  /**
   * The same for names that may be plain text as well ({@code </s>} is an ordinary token of
   * Qwen2's): they count only where the file's type says that they aren't.
   */
  private static final Set<String> END_TEXTS_UNLESS_NORMAL =
      Set.of(
          "</s>",
          "<eos>",
          "<EOT>",
          "_<EOT>",
          "[EOT]",
          "[EOS]",
          "<fim-pad>",
          "<fim_pad>",
          "<PAD>",
          "[PAD]",
          "<fim-repo>",
          "<REPO>",
          "<reponame>");

  static SpecialTokens read(Metadata metadata, Vocabulary vocabulary, Defaults defaults) {
    OptionalInt bos = id(metadata, key("bos"), vocabulary, defaults.bos());
    OptionalInt eos = id(metadata, key("eos"), vocabulary, defaults.eos());
    OptionalInt unknown =
        id(metadata, "tokenizer.ggml.unknown_token_id", vocabulary, defaults.unknown());

    Set<Integer> ends = new TreeSet<>();
    eos.ifPresent(ends::add);
    for (String key : END_KEYS) {
      id(metadata, key, vocabulary, OptionalInt.empty()).ifPresent(ends::add);
    }
    for (String text : END_TEXTS) {
      ends.add(vocabulary.find(text));
    }
    for (String text : END_TEXTS_UNLESS_NORMAL) {
      int id = vocabulary.find(text);
      if (id != Vocabulary.NONE && vocabulary.types().get(id) != TokenType.NORMAL) {
        ends.add(id);
      }
    }
    ends.remove(Vocabulary.NONE);
    return new SpecialTokens(
        bos,
        eos,
        unknown,
        adds(metadata, "bos", defaults.addBos(), bos),
        adds(metadata, "eos", false, eos),
        ends.stream().mapToInt(Integer::intValue).toArray());
  }

  /** Whether a token is special by its name, whatever type the file gives it. */
  static boolean looksLikeControl(String text) {
    return END_TEXTS.contains(text);
  }

  /** A named token's id. One outside the vocabulary is ignored, as files use it for "none". */
  private static OptionalInt id(
      Metadata metadata, String key, Vocabulary vocabulary, OptionalInt otherwise) {
    long id = metadata.findLong(key).orElse(-1L);
    if (id < 0 || id >= vocabulary.size()) {
      id = otherwise.orElse(-1);
    }
    return id >= 0 && id < vocabulary.size() ? OptionalInt.of((int) id) : OptionalInt.empty();
  }

  private static boolean adds(
      Metadata metadata, String name, boolean byDefault, OptionalInt token) {
    String key = "tokenizer.ggml.add_" + name + "_token";
    if (metadata.bool(key, false) && token.isEmpty()) {
      throw new ModelFormatException(
          "metadata key %s: is true, but %s names no token of the vocabulary"
              .formatted(key, key(name)));
    }
    return metadata.bool(key, byDefault) && token.isPresent();
  }

  private static String key(String name) {
    return "tokenizer.ggml." + name + "_token_id";
  }
}
