package dev.millrace.engine;

import static dev.millrace.engine.Requests.request;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.engine.GenerationException.Reason;
import java.lang.management.ManagementFactory;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** The engine with its own thread. */
class EngineThreadTest {
  private static final int CONTEXT = 128;
  private static final EngineSettings SETTINGS = settings(8, Duration.ofMinutes(1));
  private static final EngineSettings IMPATIENT = settings(8, Duration.ofMillis(200));

  private static EngineSettings settings(int maxRunning, Duration stepTimeout) {
    return new EngineSettings(64, 8, 32, maxRunning, 32, stepTimeout);
  }

  private final FakeTokenizer tokenizer = new FakeTokenizer();
  private final CountDownLatch hang = new CountDownLatch(1);
  private EngineLoop engine;

  private void start(EngineSettings settings, Consumer<StepPlan> beforeStep) {
    HashModel model = new HashModel(settings, CONTEXT, tokenizer.vocabularySize());
    engine = EngineLoop.start(settings, model.beforeStep(beforeStep), tokenizer);
  }

  @AfterEach
  void stop() {
    hang.countDown();
    engine.close();
  }

  private RecordingOutlet submit(Requests request) {
    RecordingOutlet outlet = new RecordingOutlet();
    engine.submit(request.build(), outlet);
    return outlet;
  }

  private static void awaitFailure(RecordingOutlet outlet, Reason reason) {
    Await.until("it ends", outlet::hasEnded);
    assertThat(outlet.failure()).map(GenerationException::reason).contains(reason);
  }

  @Test
  void callersFromManyThreadsGetTheirSoloTextsWhileOthersCancelAndSleep()
      throws InterruptedException {
    start(SETTINGS, plan -> {});
    List<Thread> callers = new ArrayList<>();
    List<Throwable> failures = new ArrayList<>();
    for (int caller = 0; caller < 4; caller++) {
      long seed = caller;
      callers.add(
          Thread.ofPlatform()
              .uncaughtExceptionHandler(
                  (thread, e) -> {
                    synchronized (failures) {
                      failures.add(e);
                    }
                  })
              .start(() -> call(new Random(seed))));
    }
    for (Thread caller : callers) {
      caller.join();
    }
    assertThat(failures).isEmpty();
    Await.until("all blocks are free", () -> engine.snapshot().kvBlocksInUse() == 0);
    assertThat(engine.isAlive()).isTrue();
  }

  private void call(Random random) {
    for (int i = 0; i < 100; i++) {
      Requests request = request().seed(random.nextLong()).maxTokens(1 + random.nextInt(40));
      boolean slow = random.nextInt(3) == 0;
      RecordingOutlet outlet = slow ? new RecordingOutlet(2) : new RecordingOutlet();
      long id = engine.submit(request.build(), outlet);
      if (random.nextInt(4) == 0) {
        engine.cancel(id);
        Await.until("it ends", outlet::hasEnded);
        continue;
      }
      while (slow && !outlet.hasEnded()) {
        if (outlet.read(1)) {
          engine.demandChanged(id);
        }
        Thread.onSpinWait();
      }
      Await.until("it ends", outlet::hasEnded);
      assertThat(outlet.ends()).isEqualTo(1);
      assertThat(outlet.failure()).isEmpty();
      assertThat(outlet.text()).isEqualTo(SoloRun.of(request.build(), tokenizer, CONTEXT).text());
    }
  }

  @Test
  void aDefectInAStepEndsTheEngineAndFailsEveryStream() {
    CountDownLatch allSubmitted = new CountDownLatch(1);
    start(
        SETTINGS,
        plan -> {
          await(allSubmitted);
          throw new IllegalStateException("a defect");
        });
    RecordingOutlet first = submit(request());
    RecordingOutlet second = submit(request());
    allSubmitted.countDown();

    awaitFailure(first, Reason.ENGINE_DOWN);
    awaitFailure(second, Reason.ENGINE_DOWN);
    assertThat(engine.isAlive()).isFalse();
    awaitFailure(submit(request()), Reason.ENGINE_DOWN);
    Await.until("the blocks are accounted", () -> engine.snapshot().kvBlocksInUse() == 0);
  }

  @Test
  void anIdleEngineFindsBlocksThatNobodyHoldsAndStops() {
    Lifetime endless = new Lifetime(0, Lifetime.NEVER, Lifetime.NEVER, Lifetime.NEVER);
    Generation lost =
        new Generation(99, request().build(), new RecordingOutlet(), endless, tokenizer, CONTEXT);
    start(SETTINGS, plan -> engine.state().blocks().extend(lost.candidates().getFirst(), CONTEXT));
    RecordingOutlet outlet = submit(request().maxTokens(1));

    Await.until("it stops", () -> !engine.isAlive());
    assertThat(outlet.finished()).as("what was computed is told").isPresent();
    awaitFailure(submit(request()), Reason.ENGINE_DOWN);
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void aStepThatHangsIsFoundByTheWatchdogAndLeavesNoStreamHanging() {
    start(IMPATIENT, plan -> await(hang));
    RecordingOutlet running = submit(request());
    RecordingOutlet waits = submit(request());

    awaitFailure(running, Reason.ENGINE_DOWN);
    awaitFailure(waits, Reason.ENGINE_DOWN);
    assertThat(engine.isAlive()).isFalse();
    awaitFailure(submit(request()), Reason.ENGINE_DOWN);

    hang.countDown();
    Await.until("the step ends after all", () -> engine.snapshot().kvBlocksInUse() == 0);
    assertThat(running.ends()).isEqualTo(1);
  }

  @Test
  void closingDoesNotWaitForeverForAStepThatHangs() {
    CountDownLatch stepBegan = new CountDownLatch(1);
    start(
        IMPATIENT,
        plan -> {
          stepBegan.countDown();
          await(hang);
        });
    RecordingOutlet running = submit(request());
    await(stepBegan);
    engine.close();

    awaitFailure(running, Reason.ENGINE_DOWN);
  }

  @Test
  void anIdleEngineWakesUpForDeadlinesOnly() {
    start(settings(1, Duration.ofMinutes(1)), plan -> {});
    RecordingOutlet sleeper = new RecordingOutlet(1);
    engine.submit(request().maxTokens(100).build(), sleeper);
    Await.until("it stalls", () -> engine.snapshot().stalledSequences() == 1);
    Duration soon = Duration.ofMillis(300);
    RecordingOutlet late = new RecordingOutlet(1); // sleeps too, in the other's stead
    long deadline = System.nanoTime() + soon.toNanos();
    engine.submit(request().maxTokens(100).deadlineNanos(deadline).build(), late);
    long before = cpuNanos();

    awaitFailure(late, Reason.DEADLINE_EXCEEDED);
    assertThat(cpuNanos() - before)
        .as("nanoseconds of processor time in 300 ms of waiting")
        .isLessThan(Duration.ofMillis(60).toNanos());
  }

  private long cpuNanos() {
    return ManagementFactory.getThreadMXBean().getThreadCpuTime(engine.threadId());
  }
}
