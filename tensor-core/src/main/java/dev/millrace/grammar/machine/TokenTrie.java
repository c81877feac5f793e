package dev.millrace.grammar.machine;

import dev.millrace.grammar.automaton.ByteAutomaton;
import dev.millrace.tokenizer.Tokenizer;
import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * A vocabulary's texts as one trie over bytes, nodes in depth-first order: a node's descendants are
 * the nodes behind it up to {@link #behind}. Tokens that are no text, and empty ones, aren't in it.
 * Immutable.
 */
public final class TokenTrie {
  static final int ROOT = 0;

  private static final byte[] NO_TEXT = {};

  private static final int NOT_PLAIN = Integer.MAX_VALUE;

  private final byte[][] pieces; // by id; empty where the token is no text
  private final int[] ids; // of texts, in order of their bytes
  private final byte[] lastByte; // by node
  private final int[] depth; // by node
  private final int[] behind; // by node: the next one that isn't a descendant
  private final int[] firstToken; // by node, in ids; its tokens end where the next node's begin
  private final int[] plainHeight; // by node: bytes below it, if all are plain; else NOT_PLAIN
  private final int maxDepth;

  private TokenTrie(byte[][] pieces, int[] ids) {
    this.pieces = pieces;
    this.ids = ids;
    int most = 1;
    for (int i = 0; i < ids.length; i++) {
      most += pieces[ids[i]].length - (i == 0 ? 0 : common(pieces[ids[i - 1]], pieces[ids[i]]));
    }
    lastByte = new byte[most];
    depth = new int[most];
    behind = new int[most];
    firstToken = new int[most + 1];
    int nodes = 1;
    int deepest = 0;
    for (int i = 0; i < ids.length; i++) {
      byte[] piece = pieces[ids[i]];
      int shared = i == 0 ? 0 : common(pieces[ids[i - 1]], piece);
      for (int d = shared; d < piece.length; d++) {
        lastByte[nodes] = piece[d];
        depth[nodes] = d + 1;
        firstToken[nodes] = i; // a token ends at the last of them only
        nodes++;
      }
      deepest = Math.max(deepest, piece.length);
    }
    firstToken[most] = ids.length;
    maxDepth = deepest;
    int[] open = new int[deepest + 1]; // by depth, the node that is open
    int openDepth = 0;
    int[] parent = new int[most];
    for (int node = 1; node < most; node++) {
      for (; openDepth >= depth[node]; openDepth--) {
        behind[open[openDepth]] = node;
      }
      openDepth = depth[node];
      open[openDepth] = node;
      parent[node] = open[openDepth - 1];
    }
    for (; openDepth >= 0; openDepth--) {
      behind[open[openDepth]] = most;
    }
    plainHeight = new int[most];
    for (int node = most - 1; node > 0; node--) { // descendants first
      boolean plain = ByteAutomaton.isPlain(lastByte(node)) && plainHeight[node] != NOT_PLAIN;
      plainHeight[parent[node]] =
          plain ? Math.max(plainHeight[parent[node]], plainHeight[node] + 1) : NOT_PLAIN;
    }
  }

  public static TokenTrie of(Tokenizer tokenizer) {
    byte[][] pieces = new byte[tokenizer.vocabularySize()][];
    Arrays.setAll(pieces, id -> isText(tokenizer, id) ? tokenizer.piece(id).clone() : NO_TEXT);
    int[] ids =
        IntStream.range(0, pieces.length)
            .filter(id -> pieces[id].length > 0)
            .boxed()
            .sorted(Comparator.comparing(id -> pieces[id], Arrays::compareUnsigned))
            .mapToInt(Integer::intValue)
            .toArray();
    return new TokenTrie(pieces, ids);
  }

  /** Whether a token stands for its bytes: it is neither special nor an end of the output. */
  public static boolean isText(Tokenizer tokenizer, int id) {
    return !tokenizer.isSpecial(id) && !tokenizer.isEndOfGeneration(id);
  }

  private static int common(byte[] a, byte[] b) {
    int mismatch = Arrays.mismatch(a, b);
    return mismatch < 0 ? a.length : mismatch;
  }

  public int vocabularySize() {
    return pieces.length;
  }

  /** Words of 64 bits in a mask of tokens. */
  int words() {
    return Math.ceilDiv(pieces.length, Long.SIZE);
  }

  /** A token's bytes; none if it is no text. Not to be changed. */
  byte[] piece(int id) {
    return pieces[id];
  }

  int nodes() {
    return depth.length;
  }

  int lastByte(int node) {
    return lastByte[node] & 0xFF;
  }

  /** Bytes from the root. */
  int depth(int node) {
    return depth[node];
  }

  int maxDepth() {
    return maxDepth;
  }

  int behind(int node) {
    return behind[node];
  }

  /** Adds the tokens that end at a node to a mask. */
  void addTokens(int node, long[] mask) {
    for (int i = firstToken[node]; i < firstToken[node + 1]; i++) {
      mask[ids[i] >> 6] |= 1L << ids[i];
    }
  }

  /** Bytes below a node at most, if all of them are plain; else more than any run has. */
  int plainHeight(int node) {
    return plainHeight[node];
  }

  /** Adds the tokens that go on from a node to a mask. */
  void addTokensBelow(int node, long[] mask) {
    for (int i = firstToken[node + 1]; i < firstToken[behind[node]]; i++) {
      mask[ids[i] >> 6] |= 1L << ids[i];
    }
  }

  /** Takes the tokens at a node and below it out of a mask. */
  void removeFrom(int node, long[] mask) {
    for (int i = firstToken[node]; i < firstToken[behind[node]]; i++) {
      mask[ids[i] >> 6] &= ~(1L << ids[i]);
    }
  }

  /** The bytes from the root to a node. */
  byte[] path(int node) {
    return Arrays.copyOf(pieces[ids[firstToken[node]]], depth[node]);
  }

  /** The node behind a byte, or ROOT if no token goes on so. */
  int child(int node, byte next) {
    int child = node + 1;
    while (child < behind[node] && lastByte[child] != next) {
      child = behind[child];
    }
    return child < behind[node] ? child : ROOT;
  }
}
