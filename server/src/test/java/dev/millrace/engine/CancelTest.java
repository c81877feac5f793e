package dev.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.GenerationException.Reason;
import dev.millrace.engine.Sequence.Phase;
import java.time.Duration;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/** Callers go away at any moment: a thousand of them, one after another, in one engine. */
class CancelTest {
  private static final int CANCELS = 1_000;
  private static final int BLOCKS = 32;

  /** Where a request is when its caller goes away. */
  private enum Point {
    NOT_YET_SEEN,
    WAITS,
    FOLLOWS,
    PREEMPTED,
    PREFILLS,
    DECODES,
    STALLED
  }

  private record Call(Requests request, RecordingOutlet outlet) {}

  private final Random random = new Random(1);
  private final FakeTokenizer tokenizer = new FakeTokenizer();
  private final EngineLoop loop = loop();
  private final Map<Long, Call> open = new LinkedHashMap<>();
  private final Map<Long, Integer> stepsAfterCancel = new LinkedHashMap<>();
  private final Map<Point, Integer> points = new EnumMap<>(Point.class);
  private int inStep; // that were cancelled while a step was under way
  private int finished;

  private EngineLoop loop() {
    EngineSettings settings = new EngineSettings(BLOCKS, 4, 24, 6, 32, Duration.ofSeconds(10));
    HashModel model = new HashModel(settings, 120, tokenizer.vocabularySize());
    return new EngineLoop(settings, model.beforeStep(this::step), tokenizer, new VirtualClock());
  }

  private void step(StepPlan plan) {
    plan.entries().stream()
        .map(entry -> entry.sequence().id())
        .distinct()
        .forEach(id -> stepsAfterCancel.computeIfPresent(id, (_, steps) -> steps + 1));
    if (random.nextInt(20) == 0) { // the step under way can't be taken back
      List<Long> inPlan =
          plan.entries().stream()
              .map(entry -> entry.sequence().id())
              .filter(id -> !stepsAfterCancel.containsKey(id))
              .toList();
      if (!inPlan.isEmpty()) {
        cancel(inPlan.get(random.nextInt(inPlan.size())));
        inStep++;
      }
    }
  }

  private void cancel(long id) {
    points.merge(pointOf(id), 1, Integer::sum);
    stepsAfterCancel.put(id, 0);
    loop.cancel(id);
  }

  private Point pointOf(long id) {
    return loop.state().live().stream()
        .filter(generation -> generation.id() == id)
        .findFirst()
        .map(generation -> pointOf(generation.candidates().getFirst()))
        .orElse(Point.NOT_YET_SEEN);
  }

  private static Point pointOf(Sequence sequence) {
    if (sequence.isStalled()) {
      return Point.STALLED;
    }
    if (sequence.phase() == Phase.QUEUED) {
      Point waits = sequence.bond() == null ? Point.WAITS : Point.FOLLOWS;
      return sequence.isReturning() ? Point.PREEMPTED : waits;
    }
    return sequence.isPrefilling() ? Point.PREFILLS : Point.DECODES;
  }

  private void submit() {
    int beginning = random.nextInt(3);
    int common = random.nextInt(40);
    int[] prompt =
        IntStream.range(0, common + 1 + random.nextInt(20))
            .map(i -> 2 + (i < common ? i * i + beginning : random.nextInt(20)) % 20)
            .toArray();
    Requests request =
        Requests.request()
            .prompt(prompt)
            .seed(random.nextLong())
            .maxTokens(random.nextInt(3) == 0 ? 60 : 4)
            .stops("never such a text") // so nobody knows how long it gets
            .candidates(random.nextInt(4) == 0 ? 3 : 1);
    int room = random.nextInt(4) == 0 ? 2 : 1_000;
    RecordingOutlet outlet = new RecordingOutlet(room, request.build().candidateCount());
    open.put(loop.submit(request.build(), outlet), new Call(request, outlet));
  }

  @Test
  void whereverACallIsWhenItIsCancelledItsBlocksAreFreeAndNothingMoreIsComputedForIt() {
    while (stepsAfterCancel.size() < CANCELS) {
      if (open.size() < 10) {
        submit();
      }
      if (random.nextInt(8) == 0) {
        List<Long> ids =
            open.keySet().stream().filter(id -> !stepsAfterCancel.containsKey(id)).toList();
        if (!ids.isEmpty()) {
          cancel(ids.get(random.nextInt(ids.size())));
        }
      }
      turn();
    }
    while (!open.isEmpty()) {
      turn();
    }

    assertThat(loop.snapshot().kvBlocksInUse()).isZero();
    assertThat(loop.state().blocks().available()).as("blocks for others").isEqualTo(BLOCKS);
    long moreSteps = stepsAfterCancel.values().stream().filter(steps -> steps > 0).count();
    assertThat(moreSteps).as("computed for after they were cancelled").isZero();
    assertThat(inStep).as("cancelled in a step").isGreaterThan(100);
    for (Point point : Point.values()) {
      assertThat(points.getOrDefault(point, 0)).as("cancelled: %s", point).isPositive();
    }
    assertThat(finished).as("not cancelled").isGreaterThan(100);
  }

  private void turn() {
    loop.turn();
    loop.check();
    open.forEach(
        (id, call) -> {
          if (call.outlet().read(random.nextInt(3))) {
            loop.demandChanged(id);
          }
        });
    open.entrySet().removeIf(entry -> entry.getValue().outlet().hasEnded() && end(entry.getKey()));
  }

  private boolean end(long id) {
    Call call = open.get(id);
    int most = loop.maxSequenceTokens();
    boolean failed = call.outlet().failure().isPresent();
    if (failed) {
      assertThat(call.outlet().failure().get().reason()).isEqualTo(Reason.CANCELLED);
      assertThat(stepsAfterCancel).containsKey(id);
    } else {
      finished++;
    }
    for (int candidate = 0; candidate < call.request().build().candidateCount(); candidate++) {
      SoloRun solo = SoloRun.of(call.request().build(), candidate, tokenizer, most);
      List<Integer> told = call.outlet().tokens(candidate);
      assertThat(told)
          .isEqualTo(solo.tokens().subList(0, failed ? told.size() : solo.tokens().size()));
    }
    return true;
  }
}
