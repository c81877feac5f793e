package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Usage;
import dev.millrace.kv.BlockTable;
import dev.millrace.request.GenerationRequest;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * One request's tokens, blocks and progress. Owned by the engine's thread, but for the signals at
 * the end.
 *
 * <p>Positions [0, computed) have their keys and values in the blocks; tokens [0, length) are
 * known. A sequence whose prompt has been read is one token ahead: the last one is known, not yet
 * computed.
 */
public final class Sequence {
  enum Phase {
    QUEUED,
    RUNNING,
    ENDED
  }

  private final long id;
  private final GenerationRequest request;
  private final Outlet outlet;
  private final Completion completion;
  private final Lifetime lifetime;
  private final int worstCaseLength;
  private final int
      promptEnd; // of the tokens known from the start: the prompt and what was resumed
  private final BlockTable blocks = new BlockTable();

  private Phase phase = Phase.QUEUED;
  private int[] tokens;
  private int length;
  private int computed;

  private final AtomicBoolean cancelSignal = new AtomicBoolean();
  private final AtomicBoolean interruptSignal = new AtomicBoolean();
  private final AtomicBoolean demandSignal = new AtomicBoolean();
  private final AtomicBoolean ended = new AtomicBoolean();

  /**
   * @param worstCaseLength tokens, prompt and output together, that it can grow to
   */
  Sequence(
      long id,
      GenerationRequest request,
      Outlet outlet,
      Completion completion,
      Lifetime lifetime,
      int worstCaseLength) {
    this.id = id;
    this.request = request;
    this.outlet = outlet;
    this.completion = completion;
    this.lifetime = lifetime;
    this.worstCaseLength = worstCaseLength;
    int[] prompt = request.prompt();
    int[] resumed = request.resume().map(point -> point.tokens(0)).orElse(new int[0]);
    this.tokens = Arrays.copyOf(prompt, prompt.length + resumed.length);
    System.arraycopy(resumed, 0, tokens, prompt.length, resumed.length);
    this.length = tokens.length;
    this.promptEnd = length;
  }

  public long id() {
    return id;
  }

  public GenerationRequest request() {
    return request;
  }

  public BlockTable blocks() {
    return blocks;
  }

  /** All that are known: {@link #length} entries, not to be kept or changed. */
  public int[] tokens() {
    return tokens;
  }

  /** Tokens that are known; also the position of the next one to be sampled. */
  public int length() {
    return length;
  }

  /** Ids that can't be drawn for the next token; not to be kept or changed. */
  public int[] forbiddenIds() {
    return completion.forbiddenIds();
  }

  Outlet outlet() {
    return outlet;
  }

  Completion completion() {
    return completion;
  }

  Lifetime lifetime() {
    return lifetime;
  }

  int worstCaseLength() {
    return worstCaseLength;
  }

  Phase phase() {
    return phase;
  }

  void enter(Phase next) {
    phase = next;
  }

  int computed() {
    return computed;
  }

  /** Whether tokens known from the start are still to be computed. */
  boolean isPrefilling() {
    return computed < promptEnd;
  }

  /** Known tokens that are still to be computed. */
  int remaining() {
    return length - computed;
  }

  void advance(int count) {
    computed += count;
  }

  void append(int token) {
    if (length == tokens.length) {
      tokens = Arrays.copyOf(tokens, Math.min(Math.max(length * 2, 16), worstCaseLength));
    }
    tokens[length++] = token;
  }

  /** What was computed for it so far. */
  Usage usage() {
    int prompt = Math.min(computed, request.prompt().length);
    return new Usage(prompt, 0, completion.count(), 0);
  }

  /**
   * Of a sequence that ended well: all of the prompt counts, though it may not have been needed.
   */
  Usage fullUsage() {
    return new Usage(request.prompt().length, 0, completion.count(), 0);
  }

  /** Set by any thread, taken by the engine's: at most one of each kind is under way. */
  AtomicBoolean cancelSignal() {
    return cancelSignal;
  }

  AtomicBoolean interruptSignal() {
    return interruptSignal;
  }

  AtomicBoolean demandSignal() {
    return demandSignal;
  }

  /** Whoever gets true, and only it, tells the outlet the end; from any thread. */
  boolean claimEnd() {
    return ended.compareAndSet(false, true);
  }
}
