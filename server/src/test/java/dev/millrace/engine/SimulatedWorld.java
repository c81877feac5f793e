package dev.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.GenerationEvent.Usage;
import dev.millrace.kv.PrefixHash;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A small world from a seed: a server with random limits, clients, and a virtual clock. The
 * engine's real machine turns in it, and what must always hold is checked at every step. Some
 * worlds' server drains in the middle; then their clients go on with another one.
 */
final class SimulatedWorld {
  static final FakeTokenizer TOKENIZER = new FakeTokenizer();
  static final int MOST_CLIENTS = 12;
  private static final int TURNS = 30_000;

  private final Random random;
  private final VirtualClock clock = new VirtualClock();
  private final boolean storms;
  private final int contextLength;
  private final EngineSettings settings;
  private final EngineLoop first;
  private @Nullable EngineLoop second;
  private final long drainAt;
  private long secondBegan;
  private final List<int[]> beginnings = new ArrayList<>(); // of prompts
  private final List<SimulatedClient> clients = new ArrayList<>();

  // Of what a step costs here; also says whether the time for prompts was kept.
  private final long constantNanos;
  private final long rowNanos;
  private int longSteps;
  private long drafted;
  private long accepted;

  private final Set<Sequence> everRan = new HashSet<>();

  /**
   * @param chosen which of its clients are there: all, but when a failure is made smaller
   */
  SimulatedWorld(long seed, BitSet chosen) {
    random = new Random(seed);
    storms = once(20);
    contextLength = between(2, 64);
    settings = settings(between(2, 40), between(1, 8));
    constantNanos = between(0, 2_000_000);
    rowNanos = between(1_000, 500_000);
    first = server(settings);
    drainAt = once(4) ? Duration.ofMillis(between(1, 80)).toNanos() : Long.MAX_VALUE;
    for (int i = between(1, 3); i > 0; i--) {
      beginnings.add(tokens(random, between(1, 24)));
    }
    int count = between(1, MOST_CLIENTS);
    for (int i = 0; i < count; i++) {
      long own = random.nextLong();
      if (chosen.get(i)) {
        clients.add(new SimulatedClient(this, own));
      }
    }
  }

  private EngineSettings settings(int blocks, int blockSize) {
    int maxBatchTokens = between(1, 24);
    return new EngineSettings(
        blocks,
        blockSize,
        maxBatchTokens,
        between(1, Math.min(8, maxBatchTokens)),
        between(1, 10),
        Duration.ofSeconds(1),
        new EngineSettings.Policy(
            between(10, 400),
            once(2) ? Duration.ZERO : Duration.ofMillis(between(1, 10)),
            Duration.ofMillis(between(1, 40)),
            Duration.ofMillis(between(1, 40)),
            once(2) ? between(1, 8) : 0));
  }

  private EngineLoop server(EngineSettings limits) {
    HashModel model = new HashModel(limits, contextLength, TOKENIZER.vocabularySize());
    PrefixHash hash = new PrefixHash(random.nextLong(), once(3) ? between(1, 6) : 64);
    List<EngineLoop> self = new ArrayList<>();
    self.add(
        new EngineLoop(
            limits,
            model.beforeStep(plan -> stepBegins(self.getFirst(), plan)),
            TOKENIZER,
            clock,
            hash,
            Scheduler::new));
    return self.getFirst();
  }

  private int between(int least, int most) {
    return least + random.nextInt(most - least + 1);
  }

  private boolean once(int in) {
    return random.nextInt(in) == 0;
  }

  private static int[] tokens(Random from, int count) {
    return from.ints(count, 1, TOKENIZER.vocabularySize()).toArray();
  }

  VirtualClock clock() {
    return clock;
  }

  /** Whether all requests come at once, in a hurry. */
  boolean storms() {
    return storms;
  }

  EngineLoop firstServer() {
    return first;
  }

  /** The one that takes requests now. */
  EngineLoop server() {
    return second == null ? first : second;
  }

  List<SimulatedClient> clients() {
    return clients;
  }

  /** Part of what others' prompts begin with too, and something of its own. */
  int[] prompt(Random client) {
    int[] beginning = beginnings.get(client.nextInt(beginnings.size()));
    int common = client.nextInt(beginning.length + 1);
    int[] own = tokens(client, client.nextInt(common == 0 ? 1 : 0, 8));
    int[] prompt = Arrays.copyOf(beginning, common + own.length);
    System.arraycopy(own, 0, prompt, common, own.length);
    return prompt;
  }

  /** A conversation goes on: behind all or a part of the answer, and something new. */
  int[] nextTurn(Random client, int[] prompt, List<Integer> answer) {
    int kept = client.nextInt(4) == 0 ? client.nextInt(answer.size() + 1) : answer.size();
    int[] own = tokens(client, client.nextInt(1, 5));
    int[] next = Arrays.copyOf(prompt, prompt.length + kept + own.length);
    for (int i = 0; i < kept; i++) {
      next[prompt.length + i] = answer.get(i);
    }
    System.arraycopy(own, 0, next, prompt.length + kept, own.length);
    return next;
  }

  void run() {
    int turns = 0;
    while (clients.stream().anyMatch(client -> !client.isDone())) {
      clients.forEach(SimulatedClient::act);
      if (second == null && drainAt <= clock.elapsed()) {
        drain();
      }
      EngineLoop loop = server();
      long begin = clock.elapsed();
      if (!loop.turn()) {
        checkIdleness(loop.state());
        clock.advance(Duration.ofMillis(1));
      }
      checkTurn(loop, begin);
      assertThat(turns++).as("turns until all end").isLessThan(TURNS);
    }
    server().turn(); // applies what came after the last end
    checkTurn(server(), clock.elapsed());
    checkCounters(first);
    checkQueueIsWholeAgain(server());
  }

  /** The first server ends all that it has; a second one has other limits, but as long a memory. */
  private void drain() {
    first.drain();
    secondBegan = clock.elapsed();
    second = server(settings(settings.kvBlocks(), settings.blockSize()));
    first.close();
    first.check();
    everRan.clear();
  }

  // ---- what must hold

  private void stepBegins(EngineLoop loop, StepPlan plan) {
    EngineSettings limits = loop.state().settings();
    assertThat(plan.tokens()).isLessThanOrEqualTo(limits.maxBatchTokens());
    assertThat(plan.samples()).isLessThanOrEqualTo(limits.logitRows());
    Set<Sequence> seen = new HashSet<>();
    for (StepPlan.Entry entry : plan.entries()) {
      Sequence sequence = entry.sequence();
      SimulatedClient client = owner(loop, sequence.id());
      assertThat(seen.add(sequence)).as("once in a plan").isTrue();
      assertThat(client.hasCancelled()).as("cancelled").isFalse();
      assertThat(client.wasLate(clock.nanoTime())).as("late").isFalse();
      int deltas =
          plan.entries().stream()
              .filter(other -> other.samples() && other.sequence().id() == sequence.id())
              .mapToInt(SimulatedWorld::deltas)
              .sum();
      assertThat(client.outlet().room()).as("room").isPositive();
      assertThat(deltas).as("Deltas").isLessThanOrEqualTo(client.outlet().room());
      checkRows(loop, entry);
    }
    checkTime(limits, plan);
    clock.advance(Duration.ofNanos(nanos(plan)));
  }

  /** Deltas that an entry may bring; one that brings a token has to find room for one anyway. */
  private static int deltas(StepPlan.Entry entry) {
    return Math.max(1, entry.sequence().completion().deltasFor(entry.logitRows()));
  }

  private void checkRows(EngineLoop loop, StepPlan.Entry entry) {
    Sequence sequence = entry.sequence();
    int blockSize = settings.blockSize();
    for (int i = entry.position() / blockSize; i < sequence.blocks().size(); i++) {
      int block = sequence.blocks().block(i);
      assertThat(loop.state().blocks().isShared(block)).as("is written to and shared").isFalse();
    }
    int drafted = entry.drafted();
    assertThat(drafted)
        .as("draft")
        .isLessThanOrEqualTo(loop.state().settings().policy().maxDraft());
    if (drafted > 0) {
      assertThat(entry.samples() && entry.known() == 1).as("decodes").isTrue();
      assertThat(sequence.completion().count() + drafted)
          .as("tokens in front of the last one that is drawn")
          .isLessThan(sequence.request().stop().maxTokens());
    }
  }

  /** Tokens of drafts that its servers verified. */
  long drafted() {
    return drafted;
  }

  /** How many of them were right. */
  long accepted() {
    return accepted;
  }

  private SimulatedClient owner(EngineLoop loop, long id) {
    return clients.stream().filter(client -> client.owns(loop, id)).findFirst().orElseThrow();
  }

  private long nanos(StepPlan plan) {
    long nanos = constantNanos;
    for (StepPlan.Entry entry : plan.entries()) {
      nanos += rowNanos * entry.count() + rowNanos / 32 * entry.attended();
    }
    return nanos;
  }

  /** Once it has learned what steps cost, prompts and drafts take no more time than they may. */
  private void checkTime(EngineSettings limits, StepPlan plan) {
    List<StepPlan.Entry> decoding =
        plan.entries().stream()
            .filter(entry -> entry.known() == 1)
            .map(entry -> new StepPlan.Entry(entry.sequence(), entry.position(), 1, true))
            .toList();
    int others = plan.tokens() - decoding.size(); // of prompts or drafts
    if (decoding.isEmpty() || others <= Scheduler.SMALLEST_CHUNK) {
      return;
    }
    long alone = nanos(new StepPlan(List.of(), decoding));
    long target = limits.policy().stepTarget().toNanos();
    double most = target > 0 ? target : Math.max(Scheduler.STRETCH * alone, Scheduler.QUICK_ENOUGH);
    longSteps += nanos(plan) > 1.5 * most + rowNanos * Scheduler.SMALLEST_CHUNK ? 1 : 0;
    assertThat(longSteps).as("steps longer than they may be").isLessThan(24);
  }

  private void checkTurn(EngineLoop loop, long begin) {
    loop.check();
    EngineState state = loop.state();
    long nanoTime = clock.nanoTime() - clock.elapsed() + begin;
    for (SimulatedClient client : clients) {
      if (client.isLive() && client.wasLate(nanoTime)) {
        throw new AssertionError("a request outlives its deadline");
      }
    }
    long atStart = loop == first ? begin : begin - secondBegan; // since its engine's start
    for (Sequence runs : state.running()) {
      long limit =
          runs.generation().lifetime().stallExpiry(state.settings().policy().stallTimeout());
      assertThat(limit).as("sleeps and keeps its blocks").isGreaterThan(atStart);
    }
    for (Sequence waits : state.waiting()) {
      Following.Bond bond = waits.bond();
      assertThat(bond == null || bond.leader().salt().equals(waits.salt())).as("salts").isTrue();
    }
    for (Sequence started : state.running()) {
      if (everRan.add(started)) {
        state.waiting().forEach(waits -> checkOrder(state, started, waits, atStart));
      }
    }
  }

  /** A turn computed nothing: then all that run sleep, and nobody with a reader waits for them. */
  private static void checkIdleness(EngineState state) {
    assertThat(state.waiting()).as("wait, and nothing is done").allMatch(Sequence::isStalled);
  }

  /** Of one caller, who came first goes first: in a priority, and in all when it is old enough. */
  private void checkOrder(EngineState state, Sequence started, Sequence waits, long now) {
    boolean ready =
        !everRan.contains(waits)
            && waits.bond() == null
            && waits.candidate() == 0
            && !waits.isStalled();
    boolean sameCaller = waits.generation().caller().equals(started.generation().caller());
    if (ready && sameCaller && waits.id() < started.id()) {
      assertThat(started.generation().priority())
          .as("priority of %s that was started, against %s", started, waits)
          .isNotEqualTo(waits.generation().priority());
      assertThat(level(state, waits, now)).as("level of %s, overtaken", waits).isLessThan(2);
    }
  }

  private static int level(EngineState state, Sequence sequence, long now) {
    long raised = sequence.generation().lifetime().age(now) / ageing(state);
    return (int) Math.min(2, sequence.request().scheduling().priority().ordinal() + raised);
  }

  private static long ageing(EngineState state) {
    return state.settings().policy().ageing().toNanos();
  }

  private void checkCounters(EngineLoop loop) {
    EngineSnapshot end = loop.snapshot();
    drafted += end.draftedTokens();
    accepted += end.acceptedDraftTokens();
    assertThat(end.acceptedDraftTokens()).isLessThanOrEqualTo(end.draftedTokens());
    assertThat(end.kvBlocksInUse()).isZero();
    assertThat(end.waitingSequences() + end.runningSequences()).isZero();
    assertThat(end.waitingPromptTokens()).isZero();
    assertThat(
            end.requestsFinished()
                + end.requestsCancelled()
                + end.requestsFailed()
                + end.requestsRejected())
        .isEqualTo(clients.stream().mapToInt(SimulatedClient::requests).sum());
    List<Usage> usages = clients.stream().flatMap(client -> client.usages().stream()).toList();
    assertThat(usages.stream().mapToLong(Usage::promptTokens).sum()).isEqualTo(end.promptTokens());
    assertThat(usages.stream().mapToLong(Usage::cachedPromptTokens).sum())
        .isEqualTo(end.cachedPromptTokens());
    assertThat(usages.stream().mapToLong(Usage::completionTokens).sum())
        .isEqualTo(end.completionTokens());
    assertThat(usages.stream().mapToLong(Usage::preemptions).sum()).isEqualTo(end.preemptions());
  }

  private static void checkQueueIsWholeAgain(EngineLoop loop) {
    EngineSettings limits = loop.state().settings();
    long fit = Math.min(limits.maxWaiting(), limits.policy().maxWaitingTokens());
    for (int i = 0; i <= fit; i++) {
      RecordingOutlet outlet = new RecordingOutlet();
      loop.submit(Requests.request().prompt(2).build(), outlet);
      assertThat(outlet.hasEnded()).as("refused").isEqualTo(i == fit);
    }
    loop.close();
    loop.check();
    assertThat(loop.snapshot().kvBlocksInUse()).isZero();
  }

  @Override
  public String toString() {
    StringBuilder all = new StringBuilder("%s, context %d".formatted(settings, contextLength));
    all.append(storms ? ", all in a hurry" : "");
    clients.forEach(client -> all.append("\n  ").append(client));
    return all.toString();
  }
}
