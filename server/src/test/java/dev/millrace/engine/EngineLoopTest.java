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
    return request().prompt(IntStream.range(0, length).map(i -> 2 + i % 8).toArray());
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
    assertThat(outlet.finished()).contains(new Finished(FinishReason.MAX_TOKENS, "", 5));
    assertThat(outlet.summary().orElseThrow().usage())
        .isEqualTo(new GenerationEvent.Usage(4, 0, 5, 0));
    assertThat(loop.snapshot().kvBlocksInUse()).isZero();
  }

  @Test
  void oneStepMixesDecodeRowsFirstAndChunksOfSeveralPromptsUnderTheBudget() {
    submit(request().maxTokens(12));
    turn(); // it decodes from now on
    submit(prompt(10).maxTokens(2));
    submit(prompt(11).maxTokens(2));
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
}
