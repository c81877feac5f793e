package dev.millrace.tokenizer;

import dev.millrace.model.ModelFormatException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * GPT-2's kind: text is cut into words, a word starts as its bytes, and merges join neighbours by
 * rank.
 *
 * <p>Symbols are token ids; ids past the vocabulary are texts that merges pass through without
 * being tokens (some files have such), and bytes without a token. Where one is left over, it is
 * spelled by its bytes' tokens; a byte that has none is dropped, as the field does (SmolLM2's lacks
 * the 0xF1 that some unassigned characters need). Control tokens are no symbols: no plain text can
 * become one.
 */
final class ByteLevelBpe implements BytePairEncoding {
  private static final String MERGES = "tokenizer.ggml.merges";

  /** More than any model has (Llama 3 has 280,147). */
  static final int MAX_MERGES = 1 << 22;

  private final int vocabularySize;
  private final byte[][] pieces;
  private final PreTokenizer preTokenizer;
  // Tokens by their bytes, where a word may be looked up whole; else empty.
  private final Map<String, Integer> words;
  private final int[] byteSymbols = new int[256];
  private final MergeTable merges;

  ByteLevelBpe(Vocabulary vocabulary, List<String> merges, PreTokenizer preTokenizer) {
    this.vocabularySize = vocabulary.size();
    this.preTokenizer = preTokenizer;
    this.pieces = new byte[vocabularySize][];
    Map<String, Integer> symbols = HashMap.newHashMap(vocabularySize);
    for (int id = 0; id < vocabularySize; id++) {
      TokenType type = vocabulary.types().get(id);
      byte[] spelled = ByteAlphabet.decode(vocabulary.texts().get(id));
      if (spelled != null && spelled.length > 0 && !type.isSpecial() && type != TokenType.BYTE) {
        symbols.put(Utf8.key(spelled), id);
      }
      pieces[id] =
          switch (type) {
            case BYTE -> new byte[] {vocabulary.byteOf(id)};
            case NORMAL, UNUSED -> spelled != null ? spelled : vocabulary.utf8(id);
            case CONTROL, UNKNOWN, USER_DEFINED -> vocabulary.utf8(id);
          };
    }
    this.words = preTokenizer.ignoreMerges() ? Map.copyOf(symbols) : Map.of();
    for (int b = 0; b < 256; b++) {
      byteSymbols[b] = symbol(symbols, Utf8.key(new byte[] {(byte) b}));
    }
    this.merges = readMerges(merges, symbols);
  }

  @Override
  public void encode(
      byte[] text, int from, int to, boolean afterSpecial, PairMerger merger, TokenSink tokens) {
    preTokenizer
        .splitter()
        .split(text, from, to, (begin, end) -> encodeWord(text, begin, end, merger, tokens));
  }

  private void encodeWord(byte[] text, int from, int to, PairMerger merger, TokenSink tokens) {
    if (preTokenizer.ignoreMerges() && to - from <= Vocabulary.MAX_TOKEN_BYTES) {
      Integer whole = words.get(Utf8.key(text, from, to));
      if (whole != null) {
        tokens.token(whole, from, to);
        return;
      }
    }
    merger.start();
    for (int i = from; i < to; i++) {
      merger.add(byteSymbols[text[i] & 0xFF], i, i + 1);
    }
    merger.merge(merges);
    for (int i = 0; i >= 0; i = merger.next(i)) {
      int symbol = merger.symbol(i);
      if (symbol < vocabularySize) {
        tokens.token(symbol, merger.from(i), merger.to(i));
      } else {
        spell(text, merger.from(i), merger.to(i), tokens);
      }
    }
  }

  private void spell(byte[] text, int from, int to, TokenSink tokens) {
    for (int i = from; i < to; i++) {
      int symbol = byteSymbols[text[i] & 0xFF];
      if (symbol < vocabularySize) {
        tokens.token(symbol, i, i + 1);
      }
    }
  }

  @Override
  public byte[] piece(int id) {
    return pieces[id];
  }

  @Override
  public boolean addsSpacePrefix() {
    return false;
  }

  private MergeTable readMerges(List<String> lines, Map<String, Integer> symbols) {
    if (lines.size() > MAX_MERGES) {
      throw new ModelFormatException(
          "metadata key %s: %d merges; at most %d are allowed"
              .formatted(MERGES, lines.size(), MAX_MERGES));
    }
    int[] lefts = new int[lines.size()];
    int[] rights = new int[lines.size()];
    int[] results = new int[lines.size()];
    for (int rank = 0; rank < lefts.length; rank++) {
      String line = lines.get(rank);
      int space = line.indexOf(' ', 1);
      if (space < 0 || space == line.length() - 1 || line.length() > Vocabulary.MAX_TOKEN_BYTES) {
        throw new ModelFormatException(
            "metadata key %s: entry %d is %s; two texts with a space between are allowed"
                .formatted(MERGES, rank, Vocabulary.quote(line)));
      }
      byte[] left = ByteAlphabet.decode(line.substring(0, space));
      byte[] right = ByteAlphabet.decode(line.substring(space + 1));
      if (left == null || right == null) {
        lefts[rank] = -1; // No text is spelled that way, so it can never apply.
        continue;
      }
      lefts[rank] = symbol(symbols, Utf8.key(left));
      rights[rank] = symbol(symbols, Utf8.key(right));
      results[rank] = symbol(symbols, Utf8.key(left) + Utf8.key(right));
    }
    return new MergeTable(symbols.size() + vocabularySize, lefts, rights, results);
  }

  /** The symbol for a text, a new one past the vocabulary if it has none. */
  private int symbol(Map<String, Integer> symbols, String key) {
    return symbols.computeIfAbsent(key, k -> vocabularySize + symbols.size());
  }
}
