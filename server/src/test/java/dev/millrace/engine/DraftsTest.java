package dev.millrace.engine;

import static dev.millrace.engine.Requests.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.EngineSettings.Policy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** When decode rows are followed by drafts. {@link SimulationTest} has them among all else. */
class DraftsTest {
  private static final int MAX_DRAFT = 8;

  /** 15 of 16 tokens are the one that stands two before; the rest of the seed is free. */
  private static final long REPEATS = 3L << 40 | 1L << 32;

  private final FakeTokenizer tokenizer = new FakeTokenizer();
  private final VirtualClock clock = new VirtualClock();
  private final List<StepPlan> plans = new ArrayList<>();
  private final EngineLoop loop = loop();
  private Duration perStep = Duration.ofMillis(10);

  private EngineLoop loop() {
    Policy usual = Policy.DEFAULT;
    EngineSettings settings =
        new EngineSettings(
            256,
            16,
            64,
            8,
            64,
            Duration.ofSeconds(10),
            new Policy(
                usual.maxWaitingTokens(),
                usual.stepTarget(),
                usual.stallTimeout(),
                usual.ageing(),
                MAX_DRAFT));
    HashModel model =
        new HashModel(settings, 2_048, tokenizer.vocabularySize())
            .beforeStep(
                plan -> {
                  plans.add(plan);
                  clock.advance(perStep.plusMillis(plan.tokens()));
                });
    return new EngineLoop(settings, model, tokenizer, clock);
  }

  private static Requests repeating(long seed) {
    return request().prompt(IntStream.range(2, 22).toArray()).seed(REPEATS + seed).maxTokens(200);
  }

  private RecordingOutlet submit(Requests request) {
    RecordingOutlet outlet = new RecordingOutlet();
    loop.submit(request.build(), outlet);
    return outlet;
  }

  private void runUntilIdle() {
    while (loop.turn()) {
      loop.check();
    }
  }

  private static int drafted(StepPlan plan) {
    return plan.entries().stream().mapToInt(StepPlan.Entry::drafted).sum();
  }

  @Test
  void aSequenceThatRepeatsItselfTakesFewerStepsThanItHasTokens() {
    RecordingOutlet outlet = submit(repeating(1));
    runUntilIdle();

    SoloRun solo = SoloRun.of(repeating(1).build(), tokenizer, loop.maxSequenceTokens());
    assertThat(outlet.tokens()).isEqualTo(solo.tokens());
    EngineSnapshot end = loop.snapshot();
    assertThat(end.steps()).isLessThan(100);
    assertThat(end.completionTokens()).isEqualTo(200);
    assertThat(end.acceptedDraftTokens()).isEqualTo(200 - end.steps()).isPositive();
    assertThat(end.draftedTokens())
        .isEqualTo(plans.stream().mapToLong(DraftsTest::drafted).sum())
        .isGreaterThan(end.acceptedDraftTokens());
  }

  @Test
  void wherePredictionsAreWrongNothingIsDraftedAnyMore() {
    submit(repeating(1).seed(1)); // it repeats nothing, but by chance
    runUntilIdle();

    assertThat(loop.snapshot().draftedTokens()).isLessThan(10);
  }

  @Test
  void whereEachRowCostsAsMuchAsAStepNothingIsDrafted() {
    perStep = Duration.ZERO;
    submit(repeating(1));
    runUntilIdle();

    assertThat(loop.snapshot().draftedTokens()).isZero();
  }

  @Test
  void theMoreSequencesDecodeTheShorterAreTheirDrafts() {
    submit(repeating(1));
    runUntilIdle();
    double alone = (double) loop.snapshot().draftedTokens() / plans.size();
    plans.clear();
    long before = loop.snapshot().draftedTokens();
    for (int i = 0; i < 8; i++) {
      submit(repeating(2 + i));
    }
    runUntilIdle();
    double rows = plans.stream().mapToInt(plan -> plan.entries().size()).sum();

    assertThat((loop.snapshot().draftedTokens() - before) / rows).isBetween(0.1, alone - 1);
  }

  @Test
  void whileAPromptIsReadThereAreNoDrafts() {
    submit(repeating(1));
    while (loop.snapshot().acceptedDraftTokens() == 0) {
      loop.turn();
    }
    plans.clear();
    RecordingOutlet other =
        submit(request().prompt(IntStream.range(0, 305).map(i -> 2 + i * i % 20).toArray()));
    while (other.tokens().isEmpty()) {
      loop.turn();
    }

    List<StepPlan> reading =
        plans.stream()
            .filter(plan -> plan.entries().stream().anyMatch(entry -> entry.known() > 1))
            .toList();
    assertThat(reading).hasSizeGreaterThan(3).allMatch(plan -> drafted(plan) == 0);
  }

  @Test
  void noTokenIsDraftedForWhichTheReaderHasNoRoom() {
    RecordingOutlet outlet = new RecordingOutlet(3);
    long id = loop.submit(repeating(1).build(), outlet);
    while (!outlet.hasEnded()) {
      runUntilIdle();
      outlet.read(3);
      loop.demandChanged(id);
    }

    assertThat(outlet.tokens()).hasSize(200);
    assertThat(loop.snapshot().acceptedDraftTokens()).isPositive();
    assertThat(plans).allMatch(plan -> drafted(plan) <= 2);
  }
}
