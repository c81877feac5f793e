package dev.millrace.engine;

import dev.millrace.kv.BlockTable;
import dev.millrace.kv.PrefixCache;
import dev.millrace.kv.PrefixHash;
import dev.millrace.request.GenerationRequest;
import dev.millrace.sampling.SampledToken;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One candidate of a request: its tokens, blocks and progress. Owned by the engine's thread.
 *
 * <p>Positions [0, computed) have their keys and values in the blocks; tokens [0, length) are
 * known. A sequence that decodes is one token ahead: the last one is known, not yet computed.
 */
public final class Sequence {
  enum Phase {
    QUEUED,
    RUNNING,
    ENDED
  }

  private final Generation generation;
  private final int candidate;
  private final Completion completion;
  private final int worstCaseLength;
  private final BlockTable blocks = new BlockTable();

  private Phase phase = Phase.QUEUED;
  private int[] tokens;
  private int length;
  private int computed;
  private int everComputed; // at most, before blocks were given up
  private boolean gaveUpAsleep;
  private int prefillEnd; // tokens that were known when it was started last
  private long advancedAt; // when rows of it were last computed, or it was started

  // How much of the table is shared: blocks [0, shared) are the prefix cache's.
  private int shared;
  private PrefixCache.@Nullable Node lastShared;
  private boolean canShareMore = true; // until a block's name turns out to be taken
  private long[] blockNames = {}; // of full blocks; filled as they are asked for
  private int named;

  // For the scheduler.
  private Priorities.Rank rank = Priorities.Rank.UNRANKED;
  private Following.@Nullable Bond bond;
  private @Nullable Speculation speculation; // null until it is asked for

  /**
   * @param worstCaseLength tokens, prompt and output together, that it can grow to
   */
  Sequence(Generation generation, int candidate, Completion completion, int worstCaseLength) {
    this.generation = generation;
    this.candidate = candidate;
    this.completion = completion;
    this.worstCaseLength = worstCaseLength;
    GenerationRequest request = generation.request();
    int[] prompt = request.prompt();
    int[] resumed = request.resume().map(point -> point.tokens(candidate)).orElse(new int[0]);
    this.tokens = Arrays.copyOf(prompt, prompt.length + resumed.length);
    System.arraycopy(resumed, 0, tokens, prompt.length, resumed.length);
    this.length = tokens.length;
  }

  /** Its request's id. */
  public long id() {
    return generation.id();
  }

  /** Which of its request's continuations it is. */
  public int candidate() {
    return candidate;
  }

  public GenerationRequest request() {
    return generation.request();
  }

  PromptTokens promptTokens() {
    return generation.promptTokens();
  }

  public BlockTable blocks() {
    return blocks;
  }

  /**
   * All that are known: {@link #length} entries, not to be kept or changed. Behind them may stand
   * those of a draft, while a step verifies it.
   */
  public int[] tokens() {
    return tokens;
  }

  /** Tokens that are known; also the position of the next one to be sampled. */
  public int length() {
    return length;
  }

  Generation generation() {
    return generation;
  }

  Completion completion() {
    return completion;
  }

  String salt() {
    return generation.request().scheduling().cacheSalt();
  }

  boolean isStalled() {
    return generation.lifetime().isStalled();
  }

  int worstCaseLength() {
    return worstCaseLength;
  }

  Phase phase() {
    return phase;
  }

  void enter(Phase next) {
    phase = next;
    speculation = null; // its memory is for those that run
  }

  int computed() {
    return computed;
  }

  /** Known tokens that are still to be computed. */
  int remaining() {
    return length - computed;
  }

  /** Whether it has more to compute than the token that was sampled last. */
  boolean isPrefilling() {
    return length - computed > 1;
  }

  /** Whether it has run before, and gave its blocks up. */
  boolean isReturning() {
    return phase == Phase.QUEUED && everComputed > 0;
  }

  /** Whether it is returning, and its reader slept when it gave its blocks up. */
  boolean gaveUpAsleep() {
    return isReturning() && gaveUpAsleep;
  }

  /** Of rows [from, to), how many belong to tokens that were known when it was started. */
  int prefillRows(int from, int to) {
    return Math.max(0, Math.min(to, prefillEnd) - from);
  }

  /** Of rows [from, to), how many were computed before and given up. */
  int recomputedRows(int from, int to) {
    return Math.max(0, Math.min(to, everComputed) - from);
  }

  /** Positions [0, computed) are in the table from the start. */
  void start(int alreadyComputed, long now) {
    enter(Phase.RUNNING);
    computed = alreadyComputed;
    everComputed = Math.max(everComputed, computed);
    prefillEnd = length;
    advancedAt = now;
  }

  void advance(int count, long now) {
    computed += count;
    everComputed = Math.max(everComputed, computed);
    advancedAt = now;
  }

  /** Its blocks are gone: it waits for being computed again. */
  void restart() {
    enter(Phase.QUEUED);
    computed = 0;
    gaveUpAsleep = isStalled();
  }

  long advancedAt() {
    return advancedAt;
  }

  void append(int token) {
    tokensWithRoomFor(1)[length++] = token;
  }

  /** Its tokens, with room behind the known ones for so many more, whatever stands there. */
  int[] tokensWithRoomFor(int more) {
    int needed = length + more;
    if (needed > tokens.length) {
      int larger = Math.min(Math.max(length * 2, 16), worstCaseLength);
      tokens = Arrays.copyOf(tokens, Math.max(needed, larger));
    }
    return tokens;
  }

  /** Guesses at its next tokens; made when it is first asked for, while it runs. */
  Speculation speculation() {
    if (speculation == null) {
      speculation = new Speculation();
    }
    return speculation;
  }

  /** Tokens were drawn that aren't appended yet. */
  void learn(List<SampledToken> drawn) {
    if (speculation != null) {
      speculation.learn(this, drawn);
    }
  }

  /** How many tokens, from the first, it has in common with another. */
  int commonPrefix(Sequence other) {
    int both = Math.min(length, other.length);
    int mismatch = Arrays.mismatch(tokens, 0, both, other.tokens, 0, both);
    return mismatch < 0 ? both : mismatch;
  }

  // ---- blocks

  /** The name of its full block at an index, all of whose tokens are known. */
  long blockName(int index, PrefixHash hash, int blockSize) {
    if (index >= blockNames.length) {
      blockNames = Arrays.copyOf(blockNames, Math.max(index + 1, blockNames.length * 2));
    }
    for (; named <= index; named++) {
      long parent = named == 0 ? hash.root(salt()) : blockNames[named - 1];
      blockNames[named] = hash.next(parent, tokens, named * blockSize, blockSize);
    }
    return blockNames[index];
  }

  int shared() {
    return shared;
  }

  PrefixCache.@Nullable Node lastShared() {
    return lastShared;
  }

  boolean canShareMore() {
    return canShareMore;
  }

  void sharesOneMore(PrefixCache.Node node) {
    lastShared = node;
    shared++;
  }

  void sharesNoMore() {
    canShareMore = false;
  }

  /** Its table is empty again. */
  void sharesNothing() {
    shared = 0;
    lastShared = null;
    canShareMore = true;
  }

  // ---- the scheduler's

  Priorities.Rank rank() {
    return rank;
  }

  void rank(Priorities.Rank value) {
    rank = value;
  }

  Following.@Nullable Bond bond() {
    return bond;
  }

  void bond(Following.@Nullable Bond value) {
    bond = value;
  }

  @Override
  public String toString() {
    return "sequence " + id() + "." + candidate;
  }
}
