package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.engine.GenerationEvent.Started;
import dev.millrace.engine.GenerationEvent.Summary;
import dev.millrace.engine.GenerationEvent.Usage;
import dev.millrace.engine.GenerationException.Reason;
import dev.millrace.engine.Sequence.Phase;
import dev.millrace.kv.PrefixHash;
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
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Everything that the engine knows, and how it changes: commands, times and sampled tokens in,
 * events out. Owned by one thread; no clock and no thread inside, so a simulation drives the same
 * machine. Times are nanoseconds since the engine's start. What to compute is the {@link
 * Scheduler}'s.
 *
 * <p>What always holds is said, and checked, in {@link Invariants}.
 */
final class EngineState {
  private static final Logger log = LoggerFactory.getLogger(EngineState.class);

  /** A deadline is out of reach if not even so small a part of the predicted time is left. */
  private static final double PROVABLE = 0.5;

  /**
   * So many requests may be set aside: started, without a place now. They are walked through in
   * each step. Beyond, those that have slept longest end.
   */
  static final int MOST_ASIDE = 4_096;

  private final EngineSettings settings;
  private final Blocks blocks;
  private final Priorities priorities;
  private final Fairness fairness = new Fairness();
  private final CostModel costModel = new CostModel();
  private final LengthPredictor lengths = new LengthPredictor();
  private final ServiceRate rate = new ServiceRate();
  private final Counters counters = new Counters();

  private final SequencedSet<Generation> live = new LinkedHashSet<>();
  private final SequencedSet<Sequence> waiting = new LinkedHashSet<>();
  private final SequencedSet<Sequence> running = new LinkedHashSet<>();
  private final SequencedSet<Generation> sleepers = new LinkedHashSet<>(); // aside; longest first
  private final List<Generation> ended = new ArrayList<>();
  private int leftQueue;
  private long leftQueueTokens;
  private int waitingRequests;
  private long waitingPromptTokens;
  private long nextExpiry = Lifetime.NEVER;

  EngineState(EngineSettings settings, PrefixHash hash) {
    this.settings = settings;
    this.blocks = new Blocks(settings, hash);
    this.priorities = new Priorities(settings.policy().ageing());
  }

  EngineSettings settings() {
    return settings;
  }

  Blocks blocks() {
    return blocks;
  }

  Priorities priorities() {
    return priorities;
  }

  Fairness fairness() {
    return fairness;
  }

  CostModel costModel() {
    return costModel;
  }

  int expectedLength(Sequence sequence) {
    return lengths.expectedLength(sequence);
  }

  SequencedCollection<Generation> live() {
    return Collections.unmodifiableSequencedSet(live);
  }

  SequencedCollection<Sequence> waiting() {
    return Collections.unmodifiableSequencedSet(waiting);
  }

  SequencedCollection<Sequence> running() {
    return Collections.unmodifiableSequencedSet(running);
  }

  /** When time alone changes something next, or {@link Lifetime#NEVER}. */
  long nextWakeUp() {
    long next = nextExpiry;
    for (Sequence sequence : running) {
      Lifetime lifetime = sequence.generation().lifetime();
      next = Math.min(next, lifetime.stallExpiry(settings.policy().stallTimeout()));
    }
    return next;
  }

  // ---- commands and time

  void apply(Command command, long now) {
    switch (command) {
      case Command.OpenSession open -> blocks.openSession(open.session());
      case Command.CloseSession close -> blocks.closeSession(close.session());
      case Command.OfGeneration ofGeneration -> {
        if (!ofGeneration.generation().hasEnded()) {
          apply(ofGeneration, ofGeneration.generation(), now);
        }
      }
    }
  }

  private void apply(Command.OfGeneration command, Generation generation, long now) {
    switch (command) {
      case Command.Submit _ -> admit(generation, now);
      case Command.Cancel _ -> fail(generation, Reason.CANCELLED, "the caller went away", now);
      case Command.Interrupt _ -> endOutput(generation, FinishReason.INTERRUPTED, now);
      case Command.DemandChanged _ -> {
        generation.demandSignal().set(false); // before looking: what changes later signals again
        if (generation.lifetime().isStalled() && generation.outlet().room() > 0) {
          generation.lifetime().resume(now);
          sleepers.remove(generation);
        }
      }
    }
  }

  private void admit(Generation generation, long now) {
    live.add(generation);
    waiting.addAll(generation.candidates());
    waitingRequests++;
    waitingPromptTokens += generation.request().prompt().length;
    fairness.arrive(generation.caller());
    nextExpiry = Math.min(nextExpiry, generation.lifetime().nextExpiry());
    if (isProvablyLate(generation, now)) {
      String message = "the call's deadline would pass before the first token";
      fail(generation, Reason.DEADLINE_EXCEEDED, message, now);
      return;
    }
    generation.outlet().emit(new Started());
    for (Sequence sequence : generation.candidates()) {
      if (sequence.completion().reason() != null) { // resumed behind its last token
        generation.tellPrompt();
        finish(sequence, generation.endIsTold(sequence), now);
      }
    }
  }

  /** Whether even the prompt can't be computed in time, by far, if nothing else were computed. */
  private boolean isProvablyLate(Generation generation, long now) {
    Sequence first = generation.candidates().getFirst();
    long left = generation.lifetime().untilDeadline(now);
    if (left == Lifetime.NEVER || !costModel.isTrusted() || first.completion().reason() != null) {
      return false;
    }
    return PROVABLE * blocks.uncached(first) * costModel.nanosForRow(0) > left;
  }

  /** Ends what is out of time, and sleepers that are too many. */
  void expire(long now) {
    while (!sleepers.isEmpty() && aside() > MOST_ASIDE) {
      String message = "more than %d readers sleep, this one longest".formatted(MOST_ASIDE);
      fail(sleepers.getFirst(), Reason.SLEPT_LONGEST, message, now);
    }
    if (now < nextExpiry) {
      return;
    }
    nextExpiry = Lifetime.NEVER;
    for (Generation generation : List.copyOf(live)) {
      Lifetime lifetime = generation.lifetime();
      if (lifetime.deadlinePassed(now)) {
        fail(generation, Reason.DEADLINE_EXCEEDED, "the call's deadline has passed", now);
      } else if (lifetime.timeLimitPassed(now)) {
        endOutput(generation, FinishReason.TIME_LIMIT, now);
      } else if (lifetime.queueLimitPassed(now)) {
        fail(generation, Reason.QUEUE_TIMEOUT, "waited longer than max_queue_time", now);
      } else {
        nextExpiry = Math.min(nextExpiry, lifetime.nextExpiry());
      }
    }
  }

  /** Requests that were started and have no place: no fewer than this. */
  private int aside() {
    return live.size() - waitingRequests - running.size();
  }

  // ---- what the scheduler decides

  /** A waiting sequence gets a place, and what is there already of its blocks. */
  void start(Sequence sequence, long now) {
    Generation generation = sequence.generation();
    boolean returns = sequence.isReturning();
    boolean slept = sequence.gaveUpAsleep();
    boolean first = generation.lifetime().start(now);
    leaveQueue(generation);
    waiting.remove(sequence);
    running.add(sequence);
    sequence.start(blocks.adopt(sequence), now);
    sequence.bond(null);
    if (first) {
      generation.foundCached(sequence.computed());
      counters.cachedPromptTokens += generation.usage().cachedPromptTokens();
      int uncached = generation.request().prompt().length - generation.usage().cachedPromptTokens();
      fairness.charge(generation.caller(), (long) uncached * Fairness.PROMPT_WEIGHT);
    }
    if (slept) { // all but the row that its next token takes anyway
      fairness.charge(generation.caller(), (sequence.remaining() - 1L) * Fairness.PROMPT_WEIGHT);
    }
    if (!returns) {
      countPromptRead(sequence);
    }
  }

  /** A running sequence gives its blocks up, to be computed again. */
  void preempt(Sequence sequence) {
    running.remove(sequence);
    waiting.add(sequence);
    if (sequence.isStalled()) {
      sleepers.add(sequence.generation());
    }
    blocks.release(sequence);
    sequence.restart();
    sequence.generation().countPreemption();
    counters.preemptions++;
  }

  // ---- what a step brought

  /**
   * Ends a step.
   *
   * @param drawn for each entry that samples, in the plan's order
   * @param began when it was planned
   */
  void accept(StepPlan plan, List<List<SampledToken>> drawn, long began, long now) {
    counters.steps++;
    int next = 0;
    int rows = 0;
    long attended = 0;
    boolean hasPrefill = false;
    for (StepPlan.Entry entry : plan.entries()) {
      rows += entry.count();
      attended += entry.attended();
      hasPrefill |= entry.known() > 1;
      computed(entry, now);
      if (entry.samples()) {
        if (next == drawn.size()) {
          throw new IllegalStateException("the step sampled %d times, too few".formatted(next));
        }
        accept(entry, drawn.get(next++), now);
      }
    }
    if (next != drawn.size()) {
      throw new IllegalStateException(
          "the step sampled %d times, its plan wants %d".formatted(drawn.size(), next));
    }
    costModel.observe(hasPrefill, rows, attended, now - began);
  }

  private void computed(StepPlan.Entry entry, long now) {
    Sequence sequence = entry.sequence();
    if (sequence.phase() != Phase.RUNNING) { // a sibling's numbers ended it within this step
      return;
    }
    int end = entry.position() + entry.known();
    counters.prefillTokensComputed += sequence.prefillRows(entry.position(), end);
    counters.recomputedTokens += sequence.recomputedRows(entry.position(), end);
    sequence.advance(entry.known(), now);
    countPromptRead(sequence);
    blocks.share(sequence);
  }

  private void countPromptRead(Sequence sequence) {
    Generation generation = sequence.generation();
    counters.promptTokens -= generation.usage().promptTokens();
    generation.promptRead(sequence.computed());
    counters.promptTokens += generation.usage().promptTokens();
  }

  /**
   * Takes a step's tokens one after another, as if each came from a step of its own: the row of a
   * draft's token counts as computed when the token has been drawn. What the others wrote is given
   * up, or written over.
   */
  private void accept(StepPlan.Entry entry, List<SampledToken> drawn, long now) {
    Sequence sequence = entry.sequence();
    sequence.learn(drawn);
    counters.draftedTokens += entry.drafted();
    for (int i = 0; i < drawn.size() && sequence.phase() == Phase.RUNNING; i++) {
      accept(sequence, drawn.get(i), now);
      boolean drafted = i < drawn.size() - 1;
      counters.acceptedDraftTokens += drafted ? 1 : 0;
      if (drafted && sequence.phase() == Phase.RUNNING) {
        sequence.advance(1, now);
      }
    }
    if (entry.drafted() > 0 && sequence.phase() == Phase.RUNNING) {
      blocks.trim(sequence);
      blocks.share(sequence);
    }
  }

  private void accept(Sequence sequence, SampledToken token, long now) {
    Generation generation = sequence.generation();
    if (token.id() < 0) {
      int position = sequence.length() - 1;
      String message =
          generation.request().format().isEmpty()
              ? "the model's numbers weren't finite behind token " + position
              : "the model's numbers weren't finite, or its vocabulary has no token that the"
                  + " response format allows, behind token "
                  + position;
      fail(generation, Reason.NOT_FINITE, message, now);
      return;
    }
    generation.lifetime().token(now);
    generation.tellPrompt();
    if (generation.request().stop().maxTokens() == 0) { // only the prompt was to be read
      endOutput(generation, FinishReason.MAX_TOKENS, now);
      return;
    }
    if (!sequence.completion().allows(token.id())) { // else the engine would end with it
      String message = "a token was drawn that the response format doesn't allow: " + token.id();
      log.error(message);
      fail(generation, Reason.DEFECT, message, now);
      return;
    }
    sequence.append(token.id());
    sequence.completion().accept(token);
    counters.completionTokens++;
    fairness.charge(generation.caller(), Fairness.OUTPUT_WEIGHT);
    if (sequence.completion().reason() != null) {
      finish(sequence, false, now);
    } else {
      sequence.completion().takeDelta().ifPresent(generation.outlet()::emit);
    }
    if (!generation.hasEnded() && generation.outlet().room() <= 0) {
      generation.lifetime().stall(now);
    }
  }

  // ---- ends

  /** All candidates that go on end well, with what there is. */
  private void endOutput(Generation generation, FinishReason reason, long now) {
    generation.tellPrompt(); // read or not: so events have the same numbers, whenever it ends
    for (Sequence sequence : generation.candidates()) {
      if (sequence.phase() != Phase.ENDED) {
        sequence.completion().end(reason);
        finish(sequence, false, now);
      }
    }
  }

  /**
   * @param told whether the caller has what tells the sequence's end
   */
  private void finish(Sequence sequence, boolean told, long now) {
    Generation generation = sequence.generation();
    lengths.ended(sequence.completion().count());
    leave(sequence, true);
    boolean last = generation.endOne();
    if (last) {
      counters.requestsFinished++;
      counters.promptTokens +=
          generation.fullUsage().promptTokens() - generation.usage().promptTokens();
      leave(generation, now);
    }
    Outlet outlet = generation.outlet();
    if (last && !generation.claimEnd()) {
      return; // whoever closed the engine has told its end
    }
    if (!told) {
      sequence.completion().takeDelta().ifPresent(outlet::emit);
      outlet.emit(sequence.completion().finished());
    }
    if (last) {
      outlet.emit(new Summary(generation.fullUsage(), generation.lifetime().timings(now)));
      outlet.complete();
    }
  }

  private void fail(Generation generation, Reason reason, String message, long now) {
    counters.countFailure(reason);
    Usage usage = generation.usage();
    Optional<Duration> retryAfter =
        reason == Reason.QUEUE_TIMEOUT
            ? Optional.of(Intake.retryAfter(predictedQueueSeconds()))
            : Optional.empty();
    for (Sequence sequence : generation.candidates()) {
      if (sequence.phase() != Phase.ENDED) {
        leave(sequence, false);
        generation.endOne();
      }
    }
    leave(generation, now);
    if (generation.claimEnd()) {
      generation.outlet().fail(new GenerationException(reason, message, usage, retryAfter));
    }
  }

  private void leaveQueue(Generation generation) {
    if (generation.leaveQueue()) {
      int tokens = generation.request().prompt().length;
      waitingRequests--;
      waitingPromptTokens -= tokens;
      leftQueue++;
      leftQueueTokens += tokens;
    }
  }

  /** Gives everything back that a sequence holds. */
  private void leave(Sequence sequence, boolean endedWell) {
    waiting.remove(sequence);
    running.remove(sequence);
    blocks.releaseOrLeave(sequence, endedWell);
    sequence.bond(null);
    sequence.enter(Phase.ENDED);
  }

  private void leave(Generation generation, long now) {
    leaveQueue(generation);
    live.remove(generation);
    sleepers.remove(generation);
    fairness.leave(generation.caller());
    if (generation.lifetime().wasStarted()) {
      rate.ended(generation.lifetime().served(now));
    }
    ended.add(generation);
  }

  /** Ends everything. */
  void endAll(Reason reason, String message, long now) {
    for (Generation generation : List.copyOf(live)) {
      fail(generation, reason, message, now);
    }
  }

  // ---- what others are told

  /** Requests that ended since the last call. */
  List<Generation> takeEnded() {
    List<Generation> taken = List.copyOf(ended);
    ended.clear();
    return taken;
  }

  /** How many requests left the queue since the last call. */
  int takeLeftQueue() {
    int taken = leftQueue;
    leftQueue = 0;
    return taken;
  }

  /** How many prompt tokens they had. */
  long takeLeftQueueTokens() {
    long taken = leftQueueTokens;
    leftQueueTokens = 0;
    return taken;
  }

  double predictedQueueSeconds() {
    return rate.predictedQueueSeconds(waitingRequests, running.size(), settings.maxRunning());
  }

  private int stalled() {
    int stalled = 0;
    for (Generation generation : live) {
      stalled += generation.lifetime().isStalled() ? 1 : 0;
    }
    return stalled;
  }

  /**
   * @param rejectedAtDoor requests that never came here
   */
  EngineSnapshot snapshot(Instant at, long rejectedAtDoor) {
    // Made each turn, so by going through what a step reads anyway, not through what lies idle.
    int inUse = blocks.heldBy(running);
    return new EngineSnapshot(
        at,
        waiting.size(),
        running.size(),
        stalled(),
        settings.kvBlocks(),
        inUse,
        blocks.held() - inUse,
        settings.blockSize(),
        waitingPromptTokens,
        predictedQueueSeconds(),
        counters.promptTokens,
        counters.cachedPromptTokens,
        counters.prefillTokensComputed,
        counters.recomputedTokens,
        counters.completionTokens,
        counters.draftedTokens,
        counters.acceptedDraftTokens,
        counters.steps,
        counters.preemptions,
        counters.requestsFinished,
        counters.requestsCancelled,
        counters.requestsRejected + rejectedAtDoor,
        counters.requestsFailed);
  }

  /**
   * @throws IllegalStateException if an invariant doesn't hold
   */
  void check() {
    Invariants.check(this);
  }
}
