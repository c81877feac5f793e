package dev.millrace.engine;

import dev.millrace.engine.StepPlan.Entry;
import dev.millrace.request.GenerationRequest.Priority;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Decides what the next step computes, and takes the blocks for it. The order of decisions:
 *
 * <ol>
 *   <li>Sequences whose readers have slept too long give their blocks to the prefix cache.
 *   <li>Each sequence that decodes and whose reader has room gets a row. Where it needs a block and
 *       none is available, others are preempted ({@link Preemption}), or it is itself.
 *   <li>Waiting sequences start while there are places and blocks enough: by the level that the
 *       oldest of their priority has reached, so that all of a priority share what its age wins;
 *       those first that were preempted, then the caller that was served least ({@link Fairness}),
 *       then who came first. Whose prompt's beginning is being computed waits for that ({@link
 *       Following}) and holds up nobody; whose blocks aren't available holds up all behind it, so
 *       that nobody is overtaken forever. Then who waits still gets what sleepers have, those last
 *       that slept themselves: else readers that wake up all the time kept the others waiting.
 *   <li>What is left of the step's time ({@link CostModel}) goes to prompts: a quarter to the one
 *       that came first, the rest by level to those with least left to compute.
 *   <li>Where no prompt wants any, decode rows are followed by drafts ({@link Drafts}).
 * </ol>
 *
 * <p>The same state and time give the same plan: no clock, no thread, no chance inside.
 */
final class Scheduler implements Planner {
  /**
   * Without a target, prefill may make a step so many times as long as its decode rows would:
   * tokens keep coming, and prompts get a bit more than half of the time.
   */
  static final double STRETCH = 2.3;

  /**
   * So long it may be anyway, in nanoseconds, when several prompts want to be read: smaller chunks
   * would have them queue up, and 50 tokens a second are more than anybody reads.
   */
  static final long QUICK_ENOUGH = 20_000_000;

  /** Tokens of prompts in a step, however late it is: smaller chunks cost more than they save. */
  static final int SMALLEST_CHUNK = 8;

  /** One in so many tokens goes to the prompt that came first. */
  private static final int SHARE_OF_THE_FIRST = 4;

  private static final Comparator<Sequence> BY_LEVEL_AND_LEAST_LEFT =
      Comparator.comparingInt((Sequence sequence) -> -sequence.rank().level())
          .thenComparingInt(Sequence::remaining)
          .thenComparing(Priorities.BY_RANK);

  private final EngineState state;
  private final EngineSettings settings;
  private final Blocks blocks;
  private final Preemption preemption;
  private final Following following;
  private final Drafts drafts;

  // Of the plan that is being made.
  private List<Entry> entries = new ArrayList<>();
  private final Set<Sequence> planned = new HashSet<>();
  private final int[] levels = new int[Priority.values().length]; // of who waits, by priority

  Scheduler(EngineState state) {
    this.state = state;
    this.settings = state.settings();
    this.blocks = state.blocks();
    this.preemption = new Preemption(state);
    this.following = new Following(settings.blockSize());
    this.drafts = new Drafts(state);
  }

  @Override
  public StepPlan plan(long now) {
    parkSleepers(now);
    rankAll(now);
    do {
      entries = new ArrayList<>();
      planned.clear();
      planDecodeRows();
      startWaiting(now, false);
      startWaiting(now, true);
      planPrefill();
    } while (entries.isEmpty() && preemptSomebody());
    drafts.lengthen(entries);
    return new StepPlan(blocks.takeCopies(), entries);
  }

  private void parkSleepers(long now) {
    for (Sequence sequence : List.copyOf(state.running())) {
      Lifetime lifetime = sequence.generation().lifetime();
      if (lifetime.stallExpiry(settings.policy().stallTimeout()) <= now) {
        state.preempt(sequence);
      }
    }
  }

  private void rankAll(long now) {
    state.running().forEach(sequence -> state.priorities().rank(sequence, now));
    state.waiting().forEach(sequence -> state.priorities().rank(sequence, now));
  }

  // ---- decode rows

  private void planDecodeRows() {
    List<Sequence> byRank = new ArrayList<>(state.running());
    byRank.sort(Priorities.BY_RANK);
    for (Sequence sequence : byRank) {
      boolean runs = sequence.phase() == Sequence.Phase.RUNNING; // it may just have been preempted
      if (runs && !sequence.isPrefilling() && hasReader(sequence)) {
        int lacking = blocks.lacking(sequence, sequence.length());
        if (preemption.makeRoom(sequence, lacking, planned)) {
          plan(sequence, 1);
        } else {
          state.preempt(sequence);
        }
      }
    }
  }

  /** Whether what it would sample finds room in the outlet, beside what is planned already. */
  private boolean hasReader(Sequence sequence) {
    if (sequence.isStalled()) {
      return false;
    }
    int room = sequence.generation().outlet().room();
    if (sequence.generation().candidates().size() > 1) {
      for (Sequence sibling : sequence.generation().candidates()) {
        room -= planned.contains(sibling) ? 1 : 0;
      }
    }
    return room > 0;
  }

  private void plan(Sequence sequence, int count) {
    blocks.extend(sequence, sequence.computed() + count);
    planned.add(sequence);
    entries.add(new Entry(sequence, sequence.computed(), count, count == sequence.remaining()));
  }

  // ---- starting

  /**
   * @param displacing whether those that sleep give up what they have
   */
  private void startWaiting(long now, boolean displacing) {
    if (displacing ? !preemption.hasSleeper() : !hasPlace()) {
      return;
    }
    List<Sequence> candidates = new ArrayList<>();
    Arrays.fill(levels, 0);
    for (Sequence sequence : state.waiting()) {
      if (!sequence.isStalled()) {
        candidates.add(sequence);
        int priority = sequence.generation().priority().ordinal();
        levels[priority] = Math.max(levels[priority], sequence.rank().level());
      }
    }
    while (hasPlace() || displacing) {
      Sequence next = takeNext(candidates, displacing);
      if (next == null) {
        return;
      }
      Sequence leader = leaderOf(next, now);
      if (leader == null) {
        if (!(displacing ? displaceSleepers(next) : makeRoomToStart(next))) {
          return;
        }
        state.start(next, now);
      } else if (leader != next) {
        Priorities.lend(leader, next.rank().level());
      }
    }
  }

  private boolean hasPlace() {
    return state.running().size() < settings.maxRunning();
  }

  private @Nullable Sequence takeNext(List<Sequence> candidates, boolean displacing) {
    Sequence best = null;
    for (Sequence sequence : candidates) {
      if (best == null || startsBefore(sequence, best, displacing)) {
        best = sequence;
      }
    }
    candidates.remove(best);
    return best;
  }

  private boolean startsBefore(Sequence a, Sequence b, boolean displacing) {
    int levelA = levels[a.generation().priority().ordinal()];
    int levelB = levels[b.generation().priority().ordinal()];
    if (levelA != levelB) {
      return levelA > levelB;
    }
    if (displacing && a.gaveUpAsleep() != b.gaveUpAsleep()) {
      return b.gaveUpAsleep();
    }
    if (a.isReturning() != b.isReturning()) {
      return a.isReturning();
    }
    Fairness fairness = state.fairness();
    long servedA = fairness.served(a.generation().caller());
    long servedB = fairness.served(b.generation().caller());
    return servedA != servedB ? servedA < servedB : a.rank().isBefore(b.rank());
  }

  /**
   * Whom a sequence waits for; itself if its request's first candidate is to be started first; null
   * if it can start.
   */
  private @Nullable Sequence leaderOf(Sequence sequence, long now) {
    Sequence first = sequence.generation().candidates().getFirst();
    boolean firstIsToCome =
        first != sequence && first.phase() == Sequence.Phase.QUEUED && !first.isReturning();
    return firstIsToCome ? sequence : following.leaderOf(sequence, state.running(), now);
  }

  /**
   * What must be available for a sequence to start: blocks for its known tokens, and beside them
   * those that it and the ones beside it will probably still want. Alone it starts if it fits.
   *
   * @param besideSleepers whether they are there too
   */
  private int wantedToStart(Sequence next, boolean besideSleepers) {
    int wanted = blocks.neededToStart(next);
    int growth = blocks.blocksFor(state.expectedLength(next)) - blocks.blocksFor(next.length());
    boolean alone = true;
    for (Sequence other : state.running()) {
      if (besideSleepers || !other.isStalled()) {
        wanted += Math.max(0, blocks.lacking(other, state.expectedLength(other)));
        alone = false;
      }
    }
    return alone ? wanted : wanted + growth;
  }

  private boolean makeRoomToStart(Sequence next) {
    return makeAvailable(wantedToStart(next, true));
  }

  /** Makes room in the stead of as few sleepers as will do, and of none if all wouldn't. */
  private boolean displaceSleepers(Sequence next) {
    int theirs = 0;
    for (Sequence other : state.running()) {
      theirs += other.isStalled() ? other.blocks().size() : 0;
    }
    if (!makeAvailable(wantedToStart(next, false) - theirs)) {
      return false;
    }
    while (!hasPlace() || !makeRoomToStart(next)) {
      if (!preemption.giveUpSleeper()) {
        return false;
      }
    }
    return true;
  }

  private boolean makeAvailable(int wanted) {
    while (blocks.available() < wanted) {
      if (!blocks.releaseOldestSession()) {
        return false;
      }
    }
    return true;
  }

  // ---- prefill

  private void planPrefill() {
    List<Sequence> prompts = new ArrayList<>();
    for (Sequence sequence : state.running()) {
      boolean open = !planned.contains(sequence) && sequence.remaining() > 0;
      if (open && hasReader(sequence)) {
        prompts.add(sequence);
      }
    }
    if (prompts.isEmpty()) {
      return;
    }
    prompts.sort(BY_LEVEL_AND_LEAST_LEFT);
    Sequence first = first(prompts);
    int budget = prefillBudget(prompts);
    int share = Math.min(first.remaining(), Math.ceilDiv(budget, SHARE_OF_THE_FIRST));
    for (Sequence sequence : prompts) {
      int most = sequence == first ? budget : budget - share;
      int count = Math.min(Math.min(most, sequence.remaining()), computable(sequence));
      if (count > 0 && hasReader(sequence)) {
        plan(sequence, count);
        budget -= count;
      }
      share = sequence == first ? 0 : share;
    }
  }

  private static Sequence first(List<Sequence> prompts) {
    Sequence first = prompts.getFirst();
    for (Sequence sequence : prompts) {
      if (sequence.id() < first.id()) {
        first = sequence;
      }
    }
    return first;
  }

  /** How many of its tokens have, or can get, a place in blocks. */
  private int computable(Sequence sequence) {
    int room = sequence.blocks().size() + blocks.available();
    return (int) Math.min(Integer.MAX_VALUE, (long) room * blocks.blockSize())
        - sequence.computed();
  }

  /** Tokens of prompts that this step can take, beside the decode rows planned. */
  private int prefillBudget(List<Sequence> prompts) {
    int rows = planned.size();
    int most = settings.maxBatchTokens() - rows;
    CostModel cost = state.costModel();
    if (rows == 0 || !cost.isFitted()) {
      return most;
    }
    long attended = 0;
    for (Entry entry : entries) {
      attended += entry.attended();
    }
    int longest = 0;
    for (Sequence sequence : prompts) {
      longest = Math.max(longest, sequence.computed());
    }
    double decoding = cost.nanos(rows, attended);
    double perRow = cost.nanosForRow(longest);
    double reading = cost.nanos(0, StepPlan.readingOf(longest)) - cost.nanos(0, 0);
    boolean isOnly = prompts.size() == 1 && state.waiting().stream().allMatch(Sequence::isStalled);
    double left = longestStep(settings, decoding, isOnly) - decoding - reading;
    double affordable = perRow > 0 ? left / perRow : most;
    return Math.min(most, (int) Math.max(SMALLEST_CHUNK, Math.min(affordable, most)));
  }

  /**
   * How long a step may take in which sequences decode, in nanoseconds.
   *
   * @param decoding what their rows take alone
   * @param isOnly whether one prompt is read, and nobody waits
   */
  static double longestStep(EngineSettings settings, double decoding, boolean isOnly) {
    long target = settings.policy().stepTarget().toNanos();
    return target > 0 ? target : Math.max(STRETCH * decoding, isOnly ? 0.0 : QUICK_ENOUGH);
  }

  // ---- when nothing can go on

  /** Whether somebody that could go on finds no block: then others give theirs up. */
  private boolean preemptSomebody() {
    List<Sequence> awake = new ArrayList<>();
    for (Sequence sequence : state.running()) {
      if (hasReader(sequence)) {
        awake.add(sequence);
      }
    }
    if (awake.isEmpty()) {
      return false;
    }
    preemption.giveUpSomething(awake);
    return true;
  }
}
