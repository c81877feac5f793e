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

  private final Vocabulary vocabulary;
  private final byte[][] pieces;
  private final PreTokenizer preTokenizer;
  private final int[] byteSymbols = new int[256];
  private final MergeTable merges;

  ByteLevelBpe(Vocabulary vocabulary, List<String> merges, PreTokenizer preTokenizer) {
    this.vocabulary = vocabulary;
    this.preTokenizer = preTokenizer;
    this.pieces = new byte[vocabulary.size()][];
    for (int id = 0; id < pieces.length; id++) {
      pieces[id] = pieceOf(id);
    }
    Map<String, Integer> others = new HashMap<>();
    for (int b = 0; b < 256; b++) {
      byteSymbols[b] = symbol(ByteAlphabet.spell(new byte[] {(byte) b}, 0, 1), others);
    }
    this.merges = readMerges(merges, others);
  }

  private byte[] pieceOf(int id) {
    return switch (vocabulary.types().get(id)) {
      case BYTE -> new byte[] {vocabulary.byteOf(id)};
      case NORMAL, UNUSED -> {
        byte[] spelled = ByteAlphabet.decode(vocabulary.texts().get(id));
        yield spelled != null ? spelled : vocabulary.utf8(id);
      }
      case CONTROL, UNKNOWN, USER_DEFINED -> vocabulary.utf8(id);
    };
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
      int whole = vocabulary.findPlain(ByteAlphabet.spell(text, from, to));
      if (whole != Vocabulary.NONE) {
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
      if (symbol < vocabulary.size()) {
        tokens.token(symbol, merger.from(i), merger.to(i));
      } else {
        spell(text, merger.from(i), merger.to(i), tokens);
      }
    }
  }

  private void spell(byte[] text, int from, int to, TokenSink tokens) {
    for (int i = from; i < to; i++) {
      int symbol = byteSymbols[text[i] & 0xFF];
      if (symbol < vocabulary.size()) {
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

  private MergeTable readMerges(List<String> lines, Map<String, Integer> others) {
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
      String left = line.substring(0, space);
      String right = line.substring(space + 1);
      lefts[rank] = symbol(left, others);
      rights[rank] = symbol(right, others);
      results[rank] = symbol(left.concat(right), others);
    }
    return new MergeTable(vocabulary.size() + others.size(), lefts, rights, results);
  }

  /** The symbol for a text as files spell it: its token, or one of the others. */
  private int symbol(String spelled, Map<String, Integer> others) {
    int id = vocabulary.findPlain(spelled);
    return id != Vocabulary.NONE
        ? id
        : others.computeIfAbsent(spelled, key -> vocabulary.size() + others.size());
  }
}
