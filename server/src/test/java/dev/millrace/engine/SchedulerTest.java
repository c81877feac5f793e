package dev.millrace.engine;

import static dev.millrace.engine.Requests.request;
import static dev.millrace.request.GenerationRequest.Priority.NORMAL;
import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.millrace.engine.EngineSettings.Policy;
import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.engine.GenerationEvent.PromptProcessed;
import dev.millrace.engine.GenerationException.Reason;
import dev.millrace.request.GenerationRequest.Priority;
import dev.millrace.request.GenerationRequest.SchedulingSettings;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** What the scheduler promises, each promise by itself. {@link SimulationTest} has all at once. */
class SchedulerTest {
  private static final int CONTEXT = 2_048;
  private static final int BLOCK_SIZE = 16;

  private final FakeTokenizer tokenizer = new FakeTokenizer();
  private final VirtualClock clock = new VirtualClock();
  private final List<StepPlan> plans = new ArrayList<>();
  private EngineLoop loop = loop(256, 8, 512);

  private EngineLoop loop(int blocks, int maxRunning, int maxBatchTokens) {
    EngineSettings settings =
        new EngineSettings(
            blocks, BLOCK_SIZE, maxBatchTokens, maxRunning, 256, Duration.ofSeconds(10));
    HashModel model =
        new HashModel(settings, CONTEXT, tokenizer.vocabularySize()).beforeStep(this::stepBegins);
    return new EngineLoop(settings, model, tokenizer, clock);
  }

  /** 20 ms, 1 ms for each row, 0.2 µs for each position that it attends to. */
  private static Duration cost(StepPlan plan) {
    long attended = plan.entries().stream().mapToLong(StepPlan.Entry::attended).sum();
    return Duration.ofNanos(20_000_000 + 1_000_000L * plan.tokens() + 200 * attended);
  }

  private void stepBegins(StepPlan plan) {
    plans.add(plan);
    clock.advance(cost(plan));
  }

  private boolean turn() {
    boolean computed = loop.turn();
    loop.check();
    return computed;
  }

  private void runUntilIdle() {
    while (turn()) {}
  }

  private RecordingOutlet submit(Requests request) {
    RecordingOutlet outlet =
        new RecordingOutlet(Integer.MAX_VALUE, request.build().candidateCount());
    loop.submit(request.build(), outlet);
    return outlet;
  }

  private static Requests prompt(int first, int length) {
    return request()
        .prompt(IntStream.range(0, length).map(i -> 2 + (first + i * i) % 20).toArray());
  }

  private static SchedulingSettings by(String caller, Priority priority) {
    return new SchedulingSettings(priority, caller, "", Optional.empty());
  }

  private static SchedulingSettings salted(String salt) {
    return new SchedulingSettings(NORMAL, "", salt, Optional.empty());
  }

  private void assertSolo(Requests request, RecordingOutlet outlet) {
    for (int candidate = 0; candidate < request.build().candidateCount(); candidate++) {
      SoloRun solo = SoloRun.of(request.build(), candidate, tokenizer, loop.maxSequenceTokens());
      assertThat(outlet.tokens(candidate)).isEqualTo(solo.tokens());
      assertThat(outlet.text(candidate)).isEqualTo(solo.text());
    }
  }

  private static int cached(RecordingOutlet outlet) {
    return outlet.events().stream()
        .filter(PromptProcessed.class::isInstance)
        .mapToInt(event -> ((PromptProcessed) event).cachedTokens())
        .sum();
  }

  // ---- sharing

  @Test
  void aPromptThatCameBeforeIsNotComputedAgainButForItsLastToken() {
    Requests same = prompt(1, 64).maxTokens(4);
    submit(same);
    runUntilIdle();
    long computed = loop.snapshot().prefillTokensComputed();
    RecordingOutlet again = submit(same);
    runUntilIdle();

    assertThat(cached(again)).isEqualTo(48); // three blocks: the fourth has the last token
    assertThat(again.summary().orElseThrow().usage().cachedPromptTokens()).isEqualTo(48);
    assertThat(loop.snapshot().prefillTokensComputed() - computed).isEqualTo(16);
    assertThat(loop.snapshot().cachedPromptTokens()).isEqualTo(48);
    assertSolo(same, again);
  }

  @Test
  void anotherSaltGetsNothingFromTheCache() {
    submit(prompt(1, 64).maxTokens(4));
    runUntilIdle();
    RecordingOutlet other = submit(prompt(1, 64).maxTokens(4).scheduling(salted("mine")));
    runUntilIdle();

    assertThat(cached(other)).isZero();
  }

  /**
   * Whether a neighbour's prompt is the same must not show: neither while it is computed nor after.
   */
  @Test
  void whatAnotherSaltHasCachedOrComputesChangesNoTime() {
    for (int turnsBefore : new int[] {1, 3, 30}) {
      assertThat(timesBeside(prompt(1, 300), turnsBefore))
          .as("%d turns behind the neighbour", turnsBefore)
          .isEqualTo(timesBeside(prompt(2, 300), turnsBefore));
    }
  }

  /** When the events of a request come, in sum of each turn, beside another salt's. */
  private List<String> timesBeside(Requests neighbour, int turnsBefore) {
    loop = loop(256, 8, 64);
    submit(neighbour.maxTokens(10).scheduling(salted("hers")));
    for (int i = 0; i < turnsBefore; i++) {
      turn();
    }
    long begun = clock.elapsed();
    RecordingOutlet mine = submit(prompt(1, 300).maxTokens(10).scheduling(salted("mine")));
    List<String> times = new ArrayList<>();
    while (turn()) {
      times.add(mine.events().size() + " events after " + (clock.elapsed() - begun));
    }
    return times;
  }

  @Test
  void thirtyTwoRequestsWithOneBeginningComputeItOnce() {
    loop = loop(512, 32, 512);
    List<Requests> requests = new ArrayList<>();
    List<RecordingOutlet> outlets = new ArrayList<>();
    int[] beginning = prompt(1, 1_000).build().prompt();
    for (int i = 0; i < 32; i++) {
      int[] prompt = IntStream.concat(IntStream.of(beginning), IntStream.range(2, 12)).toArray();
      prompt[1_000] = 2 + i % 20;
      prompt[1_001] = 2 + i / 20;
      requests.add(request().prompt(prompt).maxTokens(8).seed(i));
      outlets.add(submit(requests.getLast()));
    }
    runUntilIdle();

    long ideal = 1_000 + 32 * 10;
    assertThat((double) loop.snapshot().prefillTokensComputed() / ideal).isLessThan(1.15);
    IntStream.range(0, 32).forEach(i -> assertSolo(requests.get(i), outlets.get(i)));
  }

  @Test
  void aFollowerComputesByItselfWhenItsLeaderIsCancelled() {
    long leader = loop.submit(prompt(1, 1_500).build(), new RecordingOutlet());
    turn();
    Requests same = prompt(1, 1_500).maxTokens(3);
    RecordingOutlet follower = submit(same);
    turn();
    assertThat(loop.snapshot().waitingSequences()).isEqualTo(1);
    loop.cancel(leader);
    runUntilIdle();

    assertSolo(same, follower);
  }

  @Test
  void aUrgentFollowerLendsItsPriorityToItsLeader() {
    submit(prompt(1, 1_600).scheduling(by("a", Priority.BATCH)));
    submit(prompt(5, 1_200).scheduling(by("a", NORMAL)));
    turn();
    turn();
    submit(prompt(1, 1_600).scheduling(by("b", Priority.INTERACTIVE)));
    turn();

    StepPlan.Entry most = plans.getLast().entries().getFirst();
    assertThat(most.sequence().id()).isEqualTo(1);
    assertThat(most.count()).isGreaterThan(300);
  }

  @Test
  void candidatesShareOnePromptAndCopyItsLastBlock() {
    Requests request = prompt(1, 100).candidates(4).maxTokens(12);
    RecordingOutlet outlet = submit(request);
    runUntilIdle();

    assertThat(loop.snapshot().prefillTokensComputed()).isEqualTo(100 + 3); // each its last token
    assertThat(plans.stream().mapToInt(plan -> plan.copies().size()).sum()).isEqualTo(3);
    assertThat(outlet.summary().orElseThrow().usage().promptTokens()).isEqualTo(100);
    assertThat(outlet.summary().orElseThrow().usage().completionTokens()).isEqualTo(48);
    assertSolo(request, outlet);
    assertThat(outlet.tokens(0)).isNotEqualTo(outlet.tokens(1));
  }

  @Test
  void theNextTurnOfASessionGoesOnWithinABlock() {
    long session = loop.openSession();
    Requests first =
        prompt(1, 40).maxTokens(5).scheduling(SchedulingSettings.DEFAULT.withSession(session));
    RecordingOutlet answer = submit(first);
    runUntilIdle();
    assertThat(loop.snapshot().kvBlocksInUse()).isZero();
    assertThat(loop.snapshot().kvBlocksCached()).isEqualTo(3); // 44 computed positions

    int[] history =
        IntStream.concat(
                IntStream.of(first.build().prompt()),
                answer.tokens().stream().mapToInt(Integer::intValue))
            .toArray();
    int[] next = IntStream.concat(IntStream.of(history), IntStream.of(4, 5, 6)).toArray();
    Requests second =
        request().prompt(next).scheduling(SchedulingSettings.DEFAULT.withSession(session));
    RecordingOutlet more = submit(second);
    runUntilIdle();

    assertThat(cached(more)).isEqualTo(44);
    assertThat(plans).allMatch(plan -> plan.copies().isEmpty()); // the block was taken over
    assertSolo(second, more);
    loop.closeSession(session);
    turn();
  }

  /** Four idle sessions with as many blocks each, three of them in common. */
  private void leaveFourSessions(int length) {
    for (int i = 0; i < 4; i++) {
      long session = loop.openSession();
      int[] prompt = prompt(1, length).build().prompt();
      Arrays.fill(prompt, 3 * BLOCK_SIZE, length, 2 + i);
      submit(
          request()
              .prompt(prompt)
              .maxTokens(2)
              .scheduling(SchedulingSettings.DEFAULT.withSession(session)));
      runUntilIdle();
    }
  }

  @Test
  void blocksOfIdleSessionsCountAsCachedUntilSomebodyHoldsThemToo() {
    leaveFourSessions(75); // 76 computed positions: 5 blocks
    assertThat(loop.snapshot().kvBlocksInUse()).isZero();
    assertThat(loop.snapshot().kvBlocksCached()).isEqualTo(3 + 4 * 2);

    submit(prompt(1, 50).maxTokens(30)); // holds the three, and one of its own
    turn();
    turn();
    assertThat(loop.snapshot().kvBlocksInUse()).isEqualTo(4);
    assertThat(loop.snapshot().kvBlocksCached()).isEqualTo(4 * 2);
    runUntilIdle();
  }

  @Test
  void whatIdleSessionsHoldCostsATurnNothing() {
    long without = bytesOfHundredTurns();
    loop = loop(1_024, 8, 2_048);
    leaveFourSessions(2_000);
    assertThat(loop.snapshot().kvBlocksCached()).isGreaterThan(450);

    assertThat(bytesOfHundredTurns()).isLessThan(without + 100 * 1_000); // 1 kB a turn
  }

  private long bytesOfHundredTurns() {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    loop.turn();
    long before = threads.getCurrentThreadAllocatedBytes();
    for (int i = 0; i < 100; i++) {
      loop.turn();
    }
    return threads.getCurrentThreadAllocatedBytes() - before;
  }

  // ---- order and shares

  @Test
  void aCallerWithOneRequestIsStartedBeforeASecondOfTheHundredThatWaited() {
    loop = loop(256, 1, 64);
    for (int i = 0; i < 100; i++) {
      submit(prompt(i, 20).maxTokens(4).scheduling(by("many", NORMAL)));
    }
    turn();
    RecordingOutlet one = submit(prompt(3, 20).maxTokens(4).scheduling(by("one", NORMAL)));
    int before = plans.size();
    while (one.tokens().isEmpty()) {
      turn();
    }

    long others =
        plans.subList(before, plans.size()).stream()
            .map(plan -> plan.entries().getFirst().sequence().id())
            .filter(id -> id > 1 && id <= 100) // the first ran already when the one came
            .distinct()
            .count();
    assertThat(others).as("started before it, of those that waited").isLessThanOrEqualTo(1);
  }

  @Test
  void tenGreedyCallersGetEqualShares() {
    loop = loop(256, 6, 64);
    List<List<RecordingOutlet>> byCaller = new ArrayList<>();
    for (int caller = 0; caller < 10; caller++) {
      byCaller.add(new ArrayList<>());
    }
    while (plans.size() < 6_000) {
      for (int caller = 0; caller < 10; caller++) { // each wants something else, and always more
        List<RecordingOutlet> own = byCaller.get(caller);
        if (own.stream().filter(outlet -> !outlet.hasEnded()).count() < 3 + caller) {
          own.add(
              submit(
                  prompt(own.size() + caller, 8)
                      .maxTokens(10 + 3 * caller)
                      .seed(own.size())
                      .scheduling(by("caller " + caller, NORMAL))));
        }
      }
      turn();
    }

    double[] served =
        byCaller.stream()
            .mapToDouble(own -> own.stream().mapToInt(outlet -> outlet.tokens().size()).sum())
            .toArray();
    double sum = Arrays.stream(served).sum();
    double squares = Arrays.stream(served).map(tokens -> tokens * tokens).sum();
    assertThat(sum * sum / (10 * squares)).as("Jain's index").isGreaterThan(0.98);
  }

  @Test
  void aBatchRequestIsServedUnderEndlessInteractiveLoad() {
    loop = loop(256, 1, 64);
    submit(prompt(1, 20).maxTokens(4).scheduling(by("a", Priority.INTERACTIVE)));
    RecordingOutlet batch = submit(prompt(2, 20).maxTokens(4).scheduling(by("a", Priority.BATCH)));
    long begun = clock.elapsed();
    while (batch.summary().isEmpty()) {
      submit(prompt(3, 20).maxTokens(4).scheduling(by("a", Priority.INTERACTIVE)));
      turn();
      turn();
      turn();
      turn();
    }

    Duration waited = Duration.ofNanos(clock.elapsed() - begun);
    assertThat(waited).isLessThan(Policy.DEFAULT.ageing().multipliedBy(2).plusSeconds(1));
  }

  @Test
  void aLongPromptStretchesTheStepsOfThoseThatDecodeByAFactorOnly() {
    loop = loop(512, 16, 512);
    for (int i = 0; i < 8; i++) {
      submit(prompt(i, 40 + i).maxTokens(400).seed(i));
    }
    while (plans.size() < 30) {
      turn();
    }
    Duration alone = cost(plans.getLast());
    int before = plans.size();
    RecordingOutlet longOne = submit(prompt(11, 1_800).maxTokens(2));
    while (longOne.tokens().isEmpty()) {
      turn();
    }

    long slow =
        plans.subList(before, plans.size()).stream()
            .filter(plan -> cost(plan).toNanos() > 2.5 * alone.toNanos())
            .count();
    assertThat(slow).isLessThanOrEqualTo((plans.size() - before) / 10);
    Duration took =
        plans.subList(before, plans.size()).stream()
            .map(SchedulerTest::cost)
            .reduce(Duration.ZERO, Duration::plus);
    // By itself it takes four steps.
    assertThat(took).isLessThan(Duration.ofMillis(4 * 20 + 1_800 + 324).multipliedBy(2));
  }

  // ---- memory

  @Test
  void aPoolOfAQuarterOfWhatAllWantGivesEachItsTextAndComputesLittleTwice() {
    loop = loop(160, 32, 512); // 2,560 positions
    List<Requests> requests = new ArrayList<>();
    List<RecordingOutlet> outlets = new ArrayList<>();
    for (int i = 0; i < 32; i++) {
      // They could end anywhere, so their lengths aren't known beforehand.
      requests.add(prompt(i, 60).maxTokens(260).stopIds(0).ignoreEos(false).seed(i));
      outlets.add(submit(requests.getLast()));
    }
    runUntilIdle();

    IntStream.range(0, 32).forEach(i -> assertSolo(requests.get(i), outlets.get(i)));
    long all =
        outlets.stream()
            .map(outlet -> outlet.summary().orElseThrow().usage())
            .mapToLong(usage -> usage.promptTokens() + usage.completionTokens())
            .sum();
    assertThat((double) loop.snapshot().recomputedTokens() / all).isLessThan(0.35);
  }

  @Test
  void aPreemptedSequenceSaysSoAndRepeatsNothing() {
    loop = loop(24, 8, 64);
    List<Requests> requests = new ArrayList<>();
    List<RecordingOutlet> outlets = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      requests.add(prompt(i, 40).maxTokens(200).stops("never such a text").seed(i));
      outlets.add(submit(requests.getLast()));
    }
    runUntilIdle();

    IntStream.range(0, 4).forEach(i -> assertSolo(requests.get(i), outlets.get(i)));
    assertThat(loop.snapshot().preemptions()).isPositive();
    assertThat(
            outlets.stream()
                .mapToLong(outlet -> outlet.summary().orElseThrow().usage().preemptions())
                .sum())
        .isEqualTo(loop.snapshot().preemptions());
    assertThat(outlets.getFirst().summary().orElseThrow().usage().preemptions())
        .as("the first is never preempted")
        .isZero();
  }

  @Test
  void aSleepingReaderGivesItsBlocksUpAndGoesOnFromTheCache() {
    RecordingOutlet outlet = new RecordingOutlet(2);
    Requests request = prompt(1, 60).maxTokens(8);
    long id = loop.submit(request.build(), outlet);
    runUntilIdle();
    assertThat(loop.snapshot().kvBlocksInUse()).isEqualTo(4);
    clock.advance(Policy.DEFAULT.stallTimeout());
    turn();
    assertThat(loop.snapshot().kvBlocksInUse()).isZero();

    long computed = loop.snapshot().prefillTokensComputed();
    while (!outlet.hasEnded()) {
      outlet.read(2);
      loop.demandChanged(id);
      turn();
    }
    assertSolo(request, outlet);
    assertThat(loop.snapshot().prefillTokensComputed() - computed).isLessThan(BLOCK_SIZE);
  }

  // ---- readers that sleep

  /** A request whose reader has room for so many events, and reads when the test says so. */
  private final class SlowReader {
    private final Requests request;
    private final RecordingOutlet outlet;
    private final long id;

    SlowReader(Requests request, int room) {
      this.request = request;
      this.outlet = new RecordingOutlet(room);
      this.id = loop.submit(request.build(), outlet);
    }

    void read(int count) {
      if (outlet.read(count)) {
        loop.demandChanged(id);
      }
    }

    /** Reads all that there is; the text must be as if nothing had happened. */
    void readToTheEnd() {
      do {
        read(Integer.MAX_VALUE);
      } while (turn());
      assertSolo(request, outlet);
    }
  }

  private List<SlowReader> twoThatSleepInBothPlaces() {
    loop = loop(256, 2, 64);
    List<SlowReader> sleepers = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      Requests request = prompt(i, 40).maxTokens(60).seed(i).scheduling(by("slow", NORMAL));
      sleepers.add(new SlowReader(request, 2));
    }
    runUntilIdle();
    assertThat(loop.snapshot().stalledSequences()).isEqualTo(2);
    return sleepers;
  }

  @Test
  void sleepersInAllPlacesKeepNobodyWaiting() {
    List<SlowReader> sleepers = twoThatSleepInBothPlaces();
    Requests request = prompt(9, 20).maxTokens(5);
    RecordingOutlet outlet = submit(request);
    long begun = clock.elapsed();
    runUntilIdle();

    assertSolo(request, outlet);
    assertThat(Duration.ofNanos(clock.elapsed() - begun))
        .isLessThan(Policy.DEFAULT.stallTimeout().dividedBy(10));
    assertThat(loop.snapshot().preemptions()).as("one place was wanted").isEqualTo(1);
    sleepers.forEach(SlowReader::readToTheEnd);
  }

  @Test
  void readersThatTakeAnEventJustBeforeTheyCountAsAsleepKeepNobodyWaiting() {
    List<SlowReader> sleepers = twoThatSleepInBothPlaces();
    RecordingOutlet outlet = submit(prompt(9, 20).maxTokens(5).scheduling(by("other", NORMAL)));
    for (int i = 0; i < 10; i++) {
      sleepers.forEach(sleeper -> sleeper.read(1));
      runUntilIdle();
      clock.advance(Policy.DEFAULT.stallTimeout().minusMillis(1));
    }

    assertThat(outlet.summary()).isPresent();
    sleepers.forEach(SlowReader::readToTheEnd);
  }

  @Test
  void aRequestThatFindsNoBlocksIsStartedInTheSteadOfTheLongestSleeper() {
    loop = loop(12, 8, 64);
    SlowReader longest = new SlowReader(prompt(1, 60).maxTokens(36), 2); // 6 of the 12 blocks
    turn();
    SlowReader other = new SlowReader(prompt(5, 60).maxTokens(36), 2);
    runUntilIdle();
    Requests request = prompt(9, 60).maxTokens(5);
    RecordingOutlet outlet = submit(request);
    runUntilIdle();

    assertSolo(request, outlet);
    longest.readToTheEnd();
    other.readToTheEnd();
    assertThat(longest.outlet.summary().orElseThrow().usage().preemptions()).isEqualTo(1);
    assertThat(other.outlet.summary().orElseThrow().usage().preemptions()).isZero();
  }

  @Test
  void nobodyGivesAPlaceUpForARequestThatWouldNotFitAllTheSame() {
    loop = loop(16, 8, 64);
    submit(prompt(1, 120).maxTokens(100)); // 14 of the 16 blocks
    turn();
    SlowReader sleeper = new SlowReader(prompt(5, 10).maxTokens(6), 2);
    while (loop.snapshot().stalledSequences() == 0) {
      turn();
    }
    RecordingOutlet large = submit(prompt(9, 120).maxTokens(5));
    turn();
    assertThat(loop.snapshot().preemptions()).isZero();
    runUntilIdle();
    assertThat(large.summary()).isPresent();
    sleeper.readToTheEnd();
  }

  @Test
  void readersThatWakeUpAllTheTimeTakeTurnsWithThoseThatWereNotStartedYet() {
    List<SlowReader> slow = twoThatSleepInBothPlaces();
    for (int i = 2; i < 8; i++) {
      slow.add(
          new SlowReader(prompt(i, 40).maxTokens(60).seed(i).scheduling(by("slow", NORMAL)), 2));
    }
    runUntilIdle(); // each gave its place up to the next
    List<RecordingOutlet> others = new ArrayList<>();
    for (int i = 0; i < 6; i++) {
      others.add(submit(prompt(9 + i, 20).maxTokens(5).scheduling(by("other", NORMAL))));
    }
    for (int i = 0; i < 60; i++) {
      if (i % 3 == 0) {
        slow.forEach(reader -> reader.read(1));
      }
      turn();
    }

    assertThat(others).allMatch(outlet -> outlet.summary().isPresent());
    slow.forEach(SlowReader::readToTheEnd);
  }

  @Test
  void whoWokeUpGetsTheNextPlaceThatComesFree() {
    List<SlowReader> slow = twoThatSleepInBothPlaces();
    List<RecordingOutlet> others = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      others.add(submit(prompt(9 + i, 20).maxTokens(5).scheduling(by("other", NORMAL))));
    }
    turn(); // two of them are in the sleepers' places
    slow.forEach(reader -> reader.read(Integer.MAX_VALUE));
    long ended = 0;
    while (slow.stream().anyMatch(reader -> reader.outlet.tokens().size() < 4) && turn()) {
      ended = others.stream().filter(outlet -> outlet.summary().isPresent()).count();
    }

    assertThat(ended).isEqualTo(2);
    runUntilIdle();
    slow.forEach(SlowReader::readToTheEnd);
  }

  @Test
  void whatASleeperNeedsComputedAgainIsItsCallersShare() {
    List<SlowReader> slow = twoThatSleepInBothPlaces();
    long before = loop.state().fairness().served("slow");
    submit(prompt(9, 20).maxTokens(5).scheduling(by("other", NORMAL)));
    runUntilIdle();
    slow.forEach(reader -> reader.read(1)); // one of them gave its place up
    runUntilIdle();

    long again = 41 - 2 * BLOCK_SIZE; // known and computed before, and not in the cache
    assertThat(loop.state().fairness().served("slow") - before)
        .isEqualTo(2 * Fairness.OUTPUT_WEIGHT + again * Fairness.PROMPT_WEIGHT);
    slow.forEach(SlowReader::readToTheEnd);
  }

  @Test
  void ofTooManySleepersThoseThatSleptLongestEnd() {
    loop = loop(256, 2, 64);
    List<RecordingOutlet> sleepers = new ArrayList<>();
    for (int i = 0; i < EngineState.MOST_ASIDE + 5; i++) {
      sleepers.add(new RecordingOutlet(1));
      loop.submit(prompt(i, 4).maxTokens(3).build(), sleepers.getLast());
      loop.turn();
    }
    runUntilIdle();

    assertThat(sleepers.subList(0, 3))
        .allMatch(
            outlet ->
                outlet
                    .failure()
                    .map(GenerationException::reason)
                    .equals(Optional.of(Reason.SLEPT_LONGEST)));
    assertThat(sleepers.subList(3, sleepers.size())).noneMatch(RecordingOutlet::hasEnded);
    assertThat(loop.snapshot().requestsFailed()).isEqualTo(3);
  }

  // ---- ends

  @Test
  void anInterruptedSequenceEndsWellWithWhatThereIs() {
    RecordingOutlet outlet = new RecordingOutlet();
    long id = loop.submit(prompt(1, 20).build(), outlet);
    turn();
    turn();
    loop.interrupt(id);
    turn();

    assertThat(outlet.finished().orElseThrow().reason()).isEqualTo(FinishReason.INTERRUPTED);
    assertThat(outlet.tokens()).hasSize(2);
    assertThat(loop.snapshot().kvBlocksInUse()).isZero();
  }

  @Test
  void aDeadlineThatIsProvablyOutOfReachIsRefusedAtOnce() {
    for (int i = 0; i < 6; i++) { // so that it knows what prompts cost
      submit(prompt(i, 200 + i).maxTokens(2));
      runUntilIdle();
    }
    int before = plans.size();
    long soon = clock.nanoTime() + Duration.ofMillis(200).toNanos();
    RecordingOutlet late = submit(prompt(9, 1_000).deadlineNanos(soon)); // takes 1 s
    RecordingOutlet fine = submit(prompt(9, 100).maxTokens(1).deadlineNanos(soon));
    RecordingOutlet cached = submit(prompt(5, 205).maxTokens(1).deadlineNanos(soon));
    turn();

    assertThat(late.failure()).map(GenerationException::reason).contains(Reason.DEADLINE_EXCEEDED);
    assertThat(plans.subList(before, plans.size()))
        .allMatch(plan -> plan.entries().getFirst().sequence().length() < 1_000);
    assertThat(fine.failure()).isEmpty();
    assertThat(cached.failure()).isEmpty();
  }

  @Test
  void theQueueIsBoundedInPromptTokensToo() {
    EngineSettings settings =
        new EngineSettings(
            64,
            BLOCK_SIZE,
            64,
            1,
            256,
            Duration.ofSeconds(10),
            new Policy(500, Duration.ZERO, Duration.ofSeconds(1), Duration.ofSeconds(1)));
    loop =
        new EngineLoop(
            settings,
            new HashModel(settings, CONTEXT, tokenizer.vocabularySize()),
            tokenizer,
            clock);
    submit(prompt(1, 400));
    RecordingOutlet refused = submit(prompt(2, 101));

    GenerationException refusal = refused.failure().orElseThrow();
    assertThat(refusal.reason()).isEqualTo(Reason.QUEUE_FULL);
    assertThat(refusal)
        .hasMessage(
            "prompts of 400 tokens wait already; with this one's 101, they would be more than 500");
    assertThat(refusal.retryAfter()).isPresent();
    turn();
    assertThat(submit(prompt(2, 501)).failure()).as("one alone finds room").isEmpty();
  }
}
