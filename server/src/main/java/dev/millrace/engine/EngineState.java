package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.engine.GenerationEvent.PromptProcessed;
import dev.millrace.engine.GenerationEvent.Started;
import dev.millrace.engine.GenerationEvent.Summary;
import dev.millrace.engine.GenerationEvent.Usage;
import dev.millrace.engine.GenerationException.Reason;
import dev.millrace.engine.Sequence.Phase;
import dev.millrace.kv.BlockAllocator;
import dev.millrace.kv.BlockTable;
import dev.millrace.sampling.SampledToken;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.SequencedCollection;
import java.util.SequencedSet;
import java.util.stream.Stream;

/**
 * Everything that the engine knows, and how it changes: commands, times and sampled tokens in,
 * events out. Owned by one thread; no clock and no thread inside, so a simulation drives the same
 * machine. Times are nanoseconds since the engine's start.
 *
 * <p>What always holds is said, and checked, in {@link Invariants}.
 */
final class EngineState {
  private final EngineSettings settings;
  private final BlockAllocator allocator;
  private final SequencedSet<Sequence> waiting = new LinkedHashSet<>();
  private final SequencedSet<Sequence> running = new LinkedHashSet<>();
  private final List<Sequence> ended = new ArrayList<>();
  private final Counters counters = new Counters();
  private final ServiceRate rate = new ServiceRate();
  private int reservedBlocks;
  private int leftQueue;
  private long waitingPromptTokens;
  private long nextExpiry = Lifetime.NEVER;

  EngineState(EngineSettings settings) {
    this.settings = settings;
    this.allocator = new BlockAllocator(settings.kvBlocks());
  }

  EngineSettings settings() {
    return settings;
  }

  /** In order of arrival. */
  SequencedCollection<Sequence> waiting() {
    return Collections.unmodifiableSequencedSet(waiting);
  }

  /** In order of being started. */
  SequencedCollection<Sequence> running() {
    return Collections.unmodifiableSequencedSet(running);
  }

  /** Blocks that nothing running can ever want. */
  int unreservedBlocks() {
    return settings.kvBlocks() - reservedBlocks;
  }

  /** When time alone changes something next, or {@link Lifetime#NEVER}. */
  long nextWakeUp() {
    return nextExpiry;
  }

  void apply(Command command, long now) {
    switch (command) {
      case Command.CloseSession _ -> {} // nothing is left warm yet
      case Command.OfSequence ofSequence -> {
        if (ofSequence.sequence().phase() != Phase.ENDED) {
          apply(ofSequence, ofSequence.sequence(), now);
        }
      }
    }
  }

  private void apply(Command.OfSequence command, Sequence sequence, long now) {
    switch (command) {
      case Command.Submit _ -> admit(sequence, now);
      case Command.Cancel _ -> fail(sequence, Reason.CANCELLED, "the caller went away", now);
      case Command.Interrupt _ -> {
        sequence.completion().end(FinishReason.INTERRUPTED);
        finish(sequence, now);
      }
      case Command.DemandChanged _ -> {
        sequence.demandSignal().set(false); // before looking: what changes later signals again
        if (sequence.lifetime().isStalled() && sequence.outlet().hasRoom()) {
          sequence.lifetime().resume(now);
        }
      }
    }
  }

  private void admit(Sequence sequence, long now) {
    waiting.add(sequence);
    waitingPromptTokens += sequence.request().prompt().length;
    nextExpiry = Math.min(nextExpiry, sequence.lifetime().nextExpiry());
    sequence.outlet().emit(new Started());
    if (sequence.completion().reason() != null) { // resumed behind its last token
      sequence.outlet().emit(new PromptProcessed(0));
      finish(sequence, now);
    }
  }

  /** Ends what is out of time. */
  void expire(long now) {
    if (now < nextExpiry) {
      return;
    }
    nextExpiry = Lifetime.NEVER;
    for (Sequence sequence : live().toList()) {
      Lifetime lifetime = sequence.lifetime();
      if (lifetime.deadlinePassed(now)) {
        fail(sequence, Reason.DEADLINE_EXCEEDED, "the call's deadline has passed", now);
      } else if (lifetime.timeLimitPassed(now)) {
        sequence.completion().end(FinishReason.TIME_LIMIT);
        finish(sequence, now);
      } else if (lifetime.queueLimitPassed(now)) {
        fail(sequence, Reason.QUEUE_TIMEOUT, "waited longer than max_queue_time", now);
      } else {
        nextExpiry = Math.min(nextExpiry, lifetime.nextExpiry());
      }
    }
  }

  private Stream<Sequence> live() {
    return Stream.concat(waiting.stream(), running.stream());
  }

  /** Starts a step: what it needs is taken. */
  void begin(StepPlan plan, long now) {
    for (Sequence sequence : plan.started()) {
      leaveQueue(sequence);
      running.add(sequence);
      sequence.enter(Phase.RUNNING);
      sequence.lifetime().start(now);
      reservedBlocks += settings.blocksFor(sequence.worstCaseLength());
    }
    for (StepPlan.Entry entry : plan.entries()) {
      BlockTable blocks = entry.sequence().blocks();
      while (blocks.size() < settings.blocksFor(entry.position() + entry.count())) {
        blocks.append(allocator.allocate());
      }
    }
  }

  /**
   * Ends a step.
   *
   * @param tokens for each entry that samples, in the plan's order
   */
  void accept(StepPlan plan, List<SampledToken> tokens, long now) {
    if (tokens.size() != plan.samples()) {
      throw new IllegalStateException(
          "the step sampled %d tokens, its plan wants %d".formatted(tokens.size(), plan.samples()));
    }
    counters.steps++;
    int next = 0;
    for (StepPlan.Entry entry : plan.entries()) {
      countRows(entry);
      if (entry.samples()) {
        accept(entry.sequence(), tokens.get(next++), now);
      }
    }
  }

  private void countRows(StepPlan.Entry entry) {
    Sequence sequence = entry.sequence();
    counters.promptTokens -= sequence.usage().promptTokens();
    counters.prefillTokensComputed += sequence.isPrefilling() ? entry.count() : 0;
    sequence.advance(entry.count());
    counters.promptTokens += sequence.usage().promptTokens();
  }

  private void accept(Sequence sequence, SampledToken token, long now) {
    if (token.id() < 0) {
      int position = sequence.length() - 1;
      String message = "the model's numbers weren't finite behind token " + position;
      fail(sequence, Reason.NOT_FINITE, message, now);
      return;
    }
    if (sequence.lifetime().token(now)) {
      sequence.outlet().emit(new PromptProcessed(0));
    }
    sequence.append(token.id());
    sequence.completion().accept(token);
    counters.completionTokens++;
    if (sequence.completion().reason() != null) {
      finish(sequence, now);
      return;
    }
    sequence.completion().takeDelta().ifPresent(sequence.outlet()::emit);
    if (!sequence.outlet().hasRoom()) {
      sequence.lifetime().stall(now);
    }
  }

  private void finish(Sequence sequence, long now) {
    counters.requestsFinished++;
    counters.promptTokens += sequence.fullUsage().promptTokens() - sequence.usage().promptTokens();
    leave(sequence, now);
    if (sequence.claimEnd()) {
      Outlet outlet = sequence.outlet();
      sequence.completion().takeDelta().ifPresent(outlet::emit);
      outlet.emit(sequence.completion().finished());
      outlet.emit(new Summary(sequence.fullUsage(), sequence.lifetime().timings(now)));
      outlet.complete();
    }
  }

  private void fail(Sequence sequence, Reason reason, String message, long now) {
    counters.countFailure(reason);
    Usage usage = sequence.usage();
    Optional<Duration> retryAfter =
        reason == Reason.QUEUE_TIMEOUT
            ? Optional.of(Intake.retryAfter(predictedQueueSeconds()))
            : Optional.empty();
    leave(sequence, now);
    if (sequence.claimEnd()) {
      sequence.outlet().fail(new GenerationException(reason, message, usage, retryAfter));
    }
  }

  private void leaveQueue(Sequence sequence) {
    if (waiting.remove(sequence)) {
      leftQueue++;
      waitingPromptTokens -= sequence.request().prompt().length;
    }
  }

  /** Gives everything back that a sequence holds. */
  private void leave(Sequence sequence, long now) {
    leaveQueue(sequence);
    if (running.remove(sequence)) {
      reservedBlocks -= settings.blocksFor(sequence.worstCaseLength());
      rate.ended(sequence.lifetime().served(now));
    }
    while (sequence.blocks().size() > 0) {
      allocator.release(sequence.blocks().removeLast());
    }
    sequence.enter(Phase.ENDED);
    ended.add(sequence);
  }

  /** Ends everything. */
  void endAll(Reason reason, String message, long now) {
    for (Sequence sequence : live().toList()) {
      fail(sequence, reason, message, now);
    }
  }

  /** Sequences that ended since the last call. */
  List<Sequence> takeEnded() {
    List<Sequence> taken = List.copyOf(ended);
    ended.clear();
    return taken;
  }

  /** How many sequences left the queue since the last call. */
  int takeLeftQueue() {
    int taken = leftQueue;
    leftQueue = 0;
    return taken;
  }

  double predictedQueueSeconds() {
    return rate.predictedQueueSeconds(waiting.size(), running.size(), settings.maxRunning());
  }

  /**
   * @param rejectedAtDoor requests that never came here
   */
  EngineSnapshot snapshot(Instant at, long rejectedAtDoor) {
    return new EngineSnapshot(
        at,
        waiting.size(),
        running.size(),
        (int) running.stream().filter(sequence -> sequence.lifetime().isStalled()).count(),
        settings.kvBlocks(),
        allocator.inUse(),
        0,
        settings.blockSize(),
        waitingPromptTokens,
        predictedQueueSeconds(),
        counters.promptTokens,
        0,
        counters.prefillTokensComputed,
        0,
        counters.completionTokens,
        0,
        0,
        counters.steps,
        0,
        counters.requestsFinished,
        counters.requestsCancelled,
        counters.requestsRejected + rejectedAtDoor,
        counters.requestsFailed);
  }

  /**
   * @throws IllegalStateException if an invariant doesn't hold
   */
  void check() {
    Invariants.check(this, allocator);
  }
}
