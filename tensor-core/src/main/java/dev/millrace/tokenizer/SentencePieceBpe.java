package dev.millrace.tokenizer;

import dev.millrace.model.Metadata;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.OptionalInt;

/**
 * SentencePiece's BPE: spaces become ▁ (U+2581), text is one word of characters, neighbours merge
 * whenever together they are a token, those with the highest score first. A character that is no
 * token falls back to its bytes' tokens, and where the vocabulary lacks these, to the unknown
 * token, or nothing. Control, unknown and byte tokens are never made by merging.
 */
final class SentencePieceBpe implements BytePairEncoding {
  private static final byte[] SPACE = "▁".getBytes(StandardCharsets.UTF_8);
  private static final int NO_TOKEN = -1;

  private final byte[][] pieces;
  private final int[] priorities;
  private final Map<String, Integer> ids;
  private final int longest;
  private final int[] byteTokens = new int[256];
  private final OptionalInt unknown;
  private final boolean addSpacePrefix;
  private final boolean removeExtraSpaces;

  SentencePieceBpe(Vocabulary vocabulary, Metadata metadata, OptionalInt unknown) {
    this.unknown = unknown;
    this.addSpacePrefix = metadata.bool("tokenizer.ggml.add_space_prefix", true);
    this.removeExtraSpaces = metadata.bool("tokenizer.ggml.remove_extra_whitespaces", false);
    int size = vocabulary.size();
    pieces = new byte[size][];
    priorities = new int[size];
    ids = HashMap.newHashMap(size);
    Arrays.fill(byteTokens, NO_TOKEN);
    int longestYet = 0;
    for (int id = 0; id < size; id++) {
      TokenType type = vocabulary.types().get(id);
      byte[] text = vocabulary.utf8(id);
      priorities[id] = priority(vocabulary.scores()[id]);
      pieces[id] =
          switch (type) {
            case BYTE -> new byte[] {vocabulary.byteOf(id)};
            case NORMAL, UNUSED ->
                vocabulary.texts().get(id).replace('▁', ' ').getBytes(StandardCharsets.UTF_8);
            case CONTROL, UNKNOWN, USER_DEFINED -> text;
          };
      if (type == TokenType.BYTE) {
        byteTokens[vocabulary.byteOf(id) & 0xFF] = id;
      } else if (type.isPlain() && text.length > 0) {
        ids.put(Utf8.key(text), id);
        longestYet = Math.max(longestYet, text.length);
      }
    }
    longest = longestYet;
  }

  @Override
  public void encode(
      byte[] text, int from, int to, boolean afterSpecial, PairMerger merger, TokenSink tokens) {
    Escaped escaped = escape(text, from, to, addSpacePrefix && afterSpecial);
    merger.start();
    for (int i = 0; i < escaped.length; ) {
      int end = i + Utf8.length(escaped.bytes[i]);
      merger.add(find(escaped.bytes, i, end), i, end);
      i = end;
    }
    if (escaped.length == 0) {
      return;
    }
    merger.merge(
        (left, right, begin, end) -> {
          int id = find(escaped.bytes, begin, end);
          return id == NO_TOKEN
              ? PairMerger.Pairs.NONE
              : PairMerger.Pairs.candidate(priorities[id], id);
        });
    for (int i = 0; i >= 0; i = merger.next(i)) {
      int id = merger.symbol(i);
      if (id != NO_TOKEN) {
        escaped.token(id, merger.from(i), merger.to(i), tokens);
      } else {
        fallBack(escaped, merger.from(i), merger.to(i), tokens);
      }
    }
  }

  private int find(byte[] bytes, int from, int to) {
    return to - from > longest ? NO_TOKEN : ids.getOrDefault(Utf8.key(bytes, from, to), NO_TOKEN);
  }

  /** A character that is no token, as its bytes. */
  private void fallBack(Escaped escaped, int from, int to, TokenSink tokens) {
    for (int i = from; i < to; i++) {
      if (byteTokens[escaped.bytes[i] & 0xFF] == NO_TOKEN) {
        unknown.ifPresent(id -> escaped.token(id, from, to, tokens));
        return;
      }
    }
    for (int i = from; i < to; i++) {
      escaped.token(byteTokens[escaped.bytes[i] & 0xFF], i, i + 1, tokens);
    }
  }

  @Override
  public byte[] piece(int id) {
    return pieces[id];
  }

  @Override
  public boolean addsSpacePrefix() {
    return addSpacePrefix;
  }

  /** Merges go by priority ascending: scores descending, as integers that sort that way. */
  private static int priority(float score) {
    int bits = Float.floatToIntBits(0f - score); // 0 - 0 is +0, whichever zero the score is.
    return bits ^ (bits >> 31 & Integer.MAX_VALUE);
  }

  /**
   * The text with ▁ for spaces, and where it came from: byte i of it stands for [origins[i],
   * origins[i + 1]) of the text. The prefix stands for nothing; a run of spaces made one stands for
   * the run; the rest of the text belongs to its neighbours.
   */
  private static final class Escaped {
    byte[] bytes;
    int[] origins;
    int length;

    Escaped(int capacity) {
      bytes = new byte[capacity];
      origins = new int[capacity + 1];
    }

    void add(byte b, int origin) {
      if (length == bytes.length) {
        int capacity = Math.multiplyExact(length, 2) + SPACE.length;
        bytes = Arrays.copyOf(bytes, capacity);
        origins = Arrays.copyOf(origins, capacity + 1);
      }
      origins[length] = origin;
      bytes[length++] = b;
    }

    void addSpace(int from, int to) {
      add(SPACE[0], from);
      add(SPACE[1], to);
      add(SPACE[2], to);
    }

    void token(int id, int from, int to, TokenSink tokens) {
      tokens.token(id, origins[from], origins[to]);
    }
  }

  private Escaped escape(byte[] text, int from, int to, boolean prefix) {
    Escaped escaped = new Escaped(to - from + 2 * SPACE.length);
    int begin = removeExtraSpaces ? skipSpaces(text, from, to) : from;
    int end = to;
    while (removeExtraSpaces && end > begin && text[end - 1] == ' ') {
      end--;
    }
    if (begin == end) {
      return escaped;
    }
    if (prefix) {
      escaped.addSpace(from, from);
    }
    for (int i = begin; i < end; ) {
      if (text[i] == ' ') {
        int after = removeExtraSpaces ? skipSpaces(text, i, end) : i + 1;
        escaped.addSpace(i, after);
        i = after;
      } else {
        escaped.add(text[i], i);
        i++;
      }
    }
    escaped.origins[0] = from;
    escaped.origins[escaped.length] = to;
    return escaped;
  }

  private static int skipSpaces(byte[] text, int from, int to) {
    int at = from;
    while (at < to && text[at] == ' ') {
      at++;
    }
    return at;
  }
}
