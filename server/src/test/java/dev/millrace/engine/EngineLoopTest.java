package dev.millrace.engine;

import static dev.millrace.engine.Requests.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationEvent.FinishReason;
import dev.millrace.engine.GenerationEvent.Finished;
import dev.millrace.engine.GenerationEvent.PromptProcessed;
import dev.millrace.engine.GenerationEvent.Started;
import dev.millrace.engine.GenerationEvent.Summary;
import dev.millrace.engine.GenerationException.Reason;
import dev.millrace.grammar.FormatCompiler;
import dev.millrace.grammar.machine.TokenTrie;
import dev.millrace.sampling.SampledToken;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** The engine's machine, turned by hand under a virtual clock. */
class EngineLoopTest {
  private static final int CONTEXT = 64;
  private final FakeTokenizer tokenizer = new FakeTokenizer();
  private final VirtualClock clock = new VirtualClock();
  private final List<StepPlan> plans = new ArrayList<>();
  private EngineSettings settings = new EngineSettings(16, 4, 16, 4, 8, Duration.ofSeconds(10));
  private EngineLoop loop = loop(settings);

  private EngineLoop loop(EngineSettings chosen) {
    settings = chosen;
    HashModel model =
        new HashModel(chosen, CONTEXT, tokenizer.vocabularySize()).beforeStep(plans::add);
    loop = new EngineLoop(chosen, model, tokenizer, clock);
    return loop;
  }

  private void runUntilIdle() {
    while (turn()) {}
  }

  private boolean turn() {
    boolean computed = loop.turn();
    loop.check();
    return computed;
  }

  private RecordingOutlet submit(Requests request) {
    RecordingOutlet outlet = new RecordingOutlet();
    loop.submit(request.build(), outlet);
    return outlet;
  }

  private SoloRun solo(Requests request) {
    return SoloRun.of(request.build(), tokenizer, loop.maxSequenceTokens());
  }

  private static Requests prompt(int length) {
    return prompt(2, length);
  }

  /** Prompts that begin in another way have no block in common. */
  private static Requests prompt(int first, int length) {
    return request().prompt(IntStream.range(0, length).map(i -> 2 + (first + i) % 8).toArray());
  }

  @Test
  void eventsComeInOrderAndTellTheTextOfTheSoloRun() {
    RecordingOutlet outlet = submit(request().maxTokens(5));
    runUntilIdle();

    assertThat(outlet.events())
        .extracting(event -> (Object) event.getClass())
        .containsExactly(
            Started.class,
            PromptProcessed.class,
            Delta.class,
            Delta.class,
            Delta.class,
            Delta.class,
            Delta.class,
            Finished.class,
            Summary.class);
    SoloRun solo = solo(request().maxTokens(5));
    assertThat(outlet.text()).isEqualTo(solo.text());
    assertThat(outlet.tokens()).isEqualTo(solo.tokens());
    assertThat(outlet.finished()).contains(new Finished(0, FinishReason.MAX_TOKENS, "", 5));
    assertThat(outlet.summary().orElseThrow().usage())
        .isEqualTo(new GenerationEvent.Usage(4, 0, 5, 0));
    assertThat(loop.snapshot().kvBlocksInUse()).isZero();
  }

  @Test
  void oneStepMixesDecodeRowsFirstAndChunksOfSeveralPromptsUnderTheBudget() {
    submit(request().maxTokens(12));
    turn(); // it decodes from now on
    submit(prompt(10).maxTokens(2));
    submit(prompt(3, 11).maxTokens(2));
    turn();

    StepPlan plan = plans.getLast();
    assertThat(plan.entries()).extracting(StepPlan.Entry::count).containsExactly(1, 10, 5);
    assertThat(plan.entries())
        .extracting(StepPlan.Entry::samples)
        .containsExactly(true, true, false);
    turn();
    assertThat(plans.getLast().entries())
        .extracting(StepPlan.Entry::count)
        .containsExactly(1, 1, 6);
  }

  @Test
  void aRequestThatCanNeverFitIsRefusedAtOnce() {
    RecordingOutlet outlet = submit(prompt(CONTEXT));

    assertThat(outlet.failure()).map(GenerationException::reason).contains(Reason.NEVER_FITS);
    assertThat(outlet.failure().orElseThrow()).hasMessageContaining("at most 64");
    assertThat(submit(prompt(CONTEXT - 1)).failure()).isEmpty();
  }

  @Test
  void theQueueRefusesOneMoreThanItHoldsAndSaysWhenToComeAgain() {
    List<RecordingOutlet> outlets = new ArrayList<>();
    for (int i = 0; i < 9; i++) {
      outlets.add(submit(request()));
    }

    assertThat(outlets.get(7).failure()).isEmpty();
    GenerationException refusal = outlets.get(8).failure().orElseThrow();
    assertThat(refusal.reason()).isEqualTo(Reason.QUEUE_FULL);
    assertThat(refusal.retryAfter()).isPresent();
    turn();
    assertThat(submit(request()).failure()).isEmpty(); // four were started
    assertThat(loop.snapshot().requestsRejected()).isEqualTo(1);
  }

  @Test
  void theHeadOfTheQueueWaitsForRoomForAllThatItWillBecomeAndIsNotOvertaken() {
    submit(prompt(30).maxTokens(10)); // 10 of 16 blocks
    turn();
    submit(prompt(3, 20).maxTokens(20)); // 10 blocks: doesn't fit
    submit(prompt(1).maxTokens(2)); // would fit
    turn();

    assertThat(loop.snapshot().waitingSequences()).isEqualTo(2);
    runUntilIdle();
    assertThat(loop.snapshot().requestsFinished()).isEqualTo(3);
  }

  @Test
  void aCancelledSequenceReturnsItsBlocksBeforeTheNextStep() {
    RecordingOutlet outlet = new RecordingOutlet();
    long id = loop.submit(request().build(), outlet);
    turn();
    assertThat(loop.snapshot().kvBlocksInUse()).isPositive();
    int steps = plans.size();
    loop.cancel(id);
    turn();

    assertThat(plans).hasSize(steps);
    assertThat(loop.snapshot().kvBlocksInUse()).isZero();
    assertThat(outlet.failure()).map(GenerationException::reason).contains(Reason.CANCELLED);
    assertThat(outlet.failure().orElseThrow().usage())
        .isEqualTo(new GenerationEvent.Usage(4, 0, 1, 0));
  }

  @Test
  void aDeadlineEndsWhatWaitsAndWhatRunsAndNothingIsComputedForIt() {
    loop(new EngineSettings(16, 4, 16, 1, 8, Duration.ofSeconds(10)));
    long deadline = clock.nanoTime() + Duration.ofMillis(5).toNanos();
    RecordingOutlet running = submit(request().deadlineNanos(deadline));
    RecordingOutlet waits = submit(request().deadlineNanos(deadline));
    turn();
    clock.advance(Duration.ofMillis(5));
    turn();

    assertThat(plans).hasSize(1);
    for (RecordingOutlet outlet : List.of(running, waits)) {
      assertThat(outlet.failure())
          .map(GenerationException::reason)
          .contains(Reason.DEADLINE_EXCEEDED);
    }
    assertThat(waits.failure().orElseThrow().usage()).isEqualTo(GenerationEvent.Usage.NONE);
  }

  @Test
  void aRequestThatWaitsTooLongIsRefusedAndOneThatWasStartedIsNot() {
    loop(new EngineSettings(16, 4, 16, 1, 8, Duration.ofSeconds(10)));
    Requests patientFor5ms = request().maxQueueTime(Duration.ofMillis(5));
    RecordingOutlet started = submit(patientFor5ms);
    RecordingOutlet waits = submit(patientFor5ms);
    turn();
    clock.advance(Duration.ofMillis(5));
    runUntilIdle();

    assertThat(started.finished()).isPresent();
    assertThat(waits.failure()).map(GenerationException::reason).contains(Reason.QUEUE_TIMEOUT);
    assertThat(waits.failure().orElseThrow().retryAfter()).isPresent();
  }

  @Test
  void aTimeLimitEndsTheOutputWithWhatThereIs() {
    RecordingOutlet outlet = submit(request().tokensPerEvent(10).timeLimit(Duration.ofMillis(5)));
    turn();
    turn();
    clock.advance(Duration.ofMillis(5));
    turn();

    assertThat(outlet.finished()).contains(new Finished(0, FinishReason.TIME_LIMIT, "", 2));
    assertThat(outlet.tokens()).isEqualTo(solo(request()).tokens().subList(0, 2));
  }

  @Test
  void aStalledSequenceIsNotDecodedAndItsTimeIsCountedApart() {
    RecordingOutlet outlet = new RecordingOutlet(2);
    long id = loop.submit(request().maxTokens(3).build(), outlet);
    turn();
    turn();
    assertThat(turn()).as("computes").isFalse();
    assertThat(loop.snapshot().stalledSequences()).isEqualTo(1);
    clock.advance(Duration.ofMillis(7));

    outlet.read(1);
    loop.demandChanged(id);
    runUntilIdle();
    assertThat(outlet.text()).isEqualTo(solo(request().maxTokens(3)).text());
    assertThat(outlet.summary().orElseThrow().timings())
        .isEqualTo(
            new GenerationEvent.Timings(
                Duration.ZERO, Duration.ZERO, Duration.ZERO, Duration.ofMillis(7)));
  }

  @Test
  void rowsThatAreNotFiniteEndTheirOwnSequenceOnly() {
    firstSequenceDraws(-1);
    RecordingOutlet spoiled = submit(request().seed(1));
    RecordingOutlet neighbour = submit(request().seed(2).maxTokens(1));
    turn();

    assertThat(spoiled.failure()).map(GenerationException::reason).contains(Reason.NOT_FINITE);
    assertThat(neighbour.tokens()).isEqualTo(solo(request().seed(2).maxTokens(1)).tokens());
    assertThat(loop.snapshot().kvBlocksInUse()).isZero();
  }

  @Test
  void aTokenThatItsFormatDoesNotAllowEndsItsOwnSequenceOnly() {
    FormatCompiler formats = new FormatCompiler(() -> TokenTrie.of(tokenizer));
    firstSequenceDraws(3);
    RecordingOutlet spoiled = submit(request().seed(1).format(formats.regex("a+")));
    RecordingOutlet neighbour = submit(request().seed(2).maxTokens(1));
    turn();

    assertThat(spoiled.failure()).map(GenerationException::reason).contains(Reason.DEFECT);
    assertThat(neighbour.tokens()).isEqualTo(solo(request().seed(2).maxTokens(1)).tokens());
    assertThat(loop.snapshot().kvBlocksInUse()).isZero();
  }

  private void firstSequenceDraws(int id) {
    HashModel model = new HashModel(settings, CONTEXT, tokenizer.vocabularySize());
    loop =
        new EngineLoop(
            settings,
            new StepModel() {
              @Override
              public int contextLength() {
                return CONTEXT;
              }

              @Override
              public List<List<SampledToken>> step(StepPlan plan) {
                List<List<SampledToken>> tokens = new ArrayList<>(model.step(plan));
                tokens.set(0, List.of(new SampledToken(id, Float.NaN, 0, List.of())));
                return tokens;
              }

              @Override
              public void close() {}
            },
            tokenizer,
            clock);
  }

  @Test
  void drainingRefusesNewRequestsAndLetsRunningOnesEnd() {
    RecordingOutlet running = submit(request());
    turn();
    loop.drain();
    RecordingOutlet late = submit(request());
    runUntilIdle();

    assertThat(late.failure()).map(GenerationException::reason).contains(Reason.DRAINING);
    assertThat(running.text()).isEqualTo(solo(request()).text());
  }

  @Test
  void closingEndsTheRestWithDrainingAndFreesItsBlocks() {
    RecordingOutlet running = submit(request());
    turn();
    RecordingOutlet waits = submit(request());
    loop.close();
    loop.close(); // a second time changes nothing

    for (RecordingOutlet outlet : List.of(running, waits, submit(request()))) {
      assertThat(outlet.ends()).isEqualTo(1);
      assertThat(outlet.failure()).map(GenerationException::reason).contains(Reason.DRAINING);
    }
    assertThat(loop.snapshot().kvBlocksInUse()).isZero();
    assertThat(loop.isAlive()).isFalse();
  }

  @Test
  void aTurnThatTakesTooLongIsFoundFromOutsideAndEveryStreamFails() {
    HashModel model =
        new HashModel(settings, CONTEXT, tokenizer.vocabularySize())
            .beforeStep(
                plan -> {
                  clock.advance(Duration.ofSeconds(10));
                  loop.checkTurn();
                  assertThat(loop.isAlive()).isTrue(); // just as long as it may take
                  clock.advance(Duration.ofNanos(1));
                  loop.checkTurn();
                });
    loop = new EngineLoop(settings, model, tokenizer, clock);
    RecordingOutlet running = submit(request());
    RecordingOutlet other = submit(request().seed(1));
    loop.checkTurn(); // between turns nothing hangs
    turn();

    assertThat(loop.isAlive()).isFalse();
    for (RecordingOutlet outlet : List.of(running, other, submit(request()))) {
      assertThat(outlet.failure()).map(GenerationException::reason).contains(Reason.ENGINE_DOWN);
      assertThat(outlet.ends()).isEqualTo(1);
    }
    loop.close(); // the hung turn came to its end after all: what it held is free
    assertThat(loop.snapshot().kvBlocksInUse()).isZero();
    assertThat(running.ends()).isEqualTo(1);
  }

  @Test
  void thePredictedQueueTimeIsThatOfTheMeasuredRate() {
    loop(new EngineSettings(16, 4, 16, 1, 8, Duration.ofSeconds(10)));
    for (int i = 0; i < 3; i++) {
      submit(request().maxTokens(2));
    }
    turn();
    clock.advance(Duration.ofSeconds(3));
    turn();
    turn();

    // One took 3 s; another runs, so a request that came now would be third.
    assertThat(loop.snapshot().predictedQueueSeconds()).isEqualTo(6);
  }

  @Test
  void anEmptyDemandSignalForAnUnknownSequenceIsIgnored() {
    loop.demandChanged(99);
    loop.cancel(99);
    assertThat(turn()).isFalse();
  }
}
