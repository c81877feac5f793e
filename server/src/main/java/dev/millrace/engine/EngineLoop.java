package dev.millrace.engine;

import dev.millrace.engine.GenerationException.Reason;
import dev.millrace.kv.PrefixHash;
import dev.millrace.request.GenerationRequest;
import dev.millrace.sampling.SampledToken;
import dev.millrace.tokenizer.Tokenizer;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.LockSupport;
import java.util.function.Function;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The engine's thread: applies commands, plans, steps, and tells what came of it; parks when there
 * is nothing to compute. It alone touches the {@link EngineState}. A watchdog beside it gives the
 * engine up when a turn doesn't end.
 *
 * <p>A simulation makes one that isn't started, and calls {@link #turn} itself.
 */
public final class EngineLoop implements Engine {
  private static final Logger log = LoggerFactory.getLogger(EngineLoop.class);
  private static final long NOT_IN_TURN = -1;

  private final EngineSettings settings;
  private final StepModel model;
  private final Timeline time;
  private final int maxSequenceTokens;
  private final EngineState state;
  private final Planner planner;
  private final Intake intake;
  private final Thread thread =
      Thread.ofPlatform().daemon().name("millrace-engine").unstarted(this::run);
  private final ScheduledExecutorService watchdog =
      Executors.newSingleThreadScheduledExecutor(
          Thread.ofPlatform().daemon().name("millrace-watchdog").factory());

  private final AtomicBoolean closing = new AtomicBoolean();
  private volatile boolean alive = true;
  private volatile long turnBegan = NOT_IN_TURN;
  private volatile EngineSnapshot snapshot;

  /**
   * @param model closed with the engine
   */
  EngineLoop(EngineSettings settings, StepModel model, Tokenizer tokenizer, EngineClock clock) {
    this(settings, model, tokenizer, clock, PrefixHash.random(), Scheduler::new);
  }

  EngineLoop(
      EngineSettings settings,
      StepModel model,
      Tokenizer tokenizer,
      EngineClock clock,
      PrefixHash hash,
      Function<EngineState, Planner> planner) {
    this.settings = settings;
    this.model = model;
    this.time = new Timeline(clock);
    this.maxSequenceTokens = (int) Math.min(model.contextLength(), settings.poolTokens());
    this.state = new EngineState(settings, hash);
    this.planner = planner.apply(state);
    this.intake = new Intake(settings, tokenizer, time, maxSequenceTokens);
    this.snapshot = state.snapshot(time.instant(), 0);
  }

  /**
   * An engine that runs.
   *
   * @param model closed with the engine
   */
  public static EngineLoop start(EngineSettings settings, StepModel model, Tokenizer tokenizer) {
    EngineLoop loop = new EngineLoop(settings, model, tokenizer, EngineClock.SYSTEM);
    loop.start();
    return loop;
  }

  void start() {
    thread.start();
    long period = Math.clamp(settings.stepTimeout().toMillis() / 4, 10, 1_000);
    var _ = watchdog.scheduleWithFixedDelay(this::checkTurn, period, period, TimeUnit.MILLISECONDS);
  }

  private void run() {
    try {
      while (alive && !closing.get()) {
        if (!turn()) {
          check(); // cheap beside waking up again
          park();
        }
      }
      stop(Reason.DRAINING, "the server is shutting down");
    } catch (Throwable defect) { // also errors: whoever waits for this thread must hear of its end
      log.error("the engine's thread died", defect);
      stop(Reason.ENGINE_DOWN, "the engine stopped on a defect");
    }
  }

  /** What came in, what is late, one step. Returns whether there was anything to compute. */
  boolean turn() {
    long now = time.now();
    turnBegan = now;
    for (Command command = intake.poll(); command != null; command = intake.poll()) {
      state.apply(command, now);
    }
    state.expire(now);
    StepPlan plan = planner.plan(now);
    if (!plan.isEmpty()) {
      long began = time.now();
      List<List<SampledToken>> drawn = model.step(plan);
      state.accept(plan, drawn, began, time.now());
    }
    settle();
    turnBegan = NOT_IN_TURN;
    return !plan.isEmpty();
  }

  /** Between turns, for whoever makes them. */
  EngineState state() {
    return state;
  }

  /** Checks the state's invariants; between turns, by whoever makes them. */
  void check() {
    state.check();
  }

  private void settle() {
    intake.settle(state);
    snapshot = state.snapshot(time.instant(), intake.rejected());
  }

  /** Until a command comes or time runs out for somebody. */
  private void park() {
    long wakeUp = state.nextWakeUp();
    if (wakeUp == Lifetime.NEVER) {
      LockSupport.park(this);
    } else {
      LockSupport.parkNanos(this, wakeUp - time.now());
    }
    Thread.interrupted(); // else an interrupt, which means nothing here, would keep it from parking
  }

  long threadId() {
    return thread.threadId();
  }

  private void wake() {
    LockSupport.unpark(thread);
  }

  /** Ends everything; by the engine's thread, as the last that it does. */
  private void stop(Reason reason, String message) {
    alive = false;
    intake.close(reason, message);
    for (Command command = intake.poll(); command != null; command = intake.poll()) {
      if (command instanceof Command.Submit) { // else those who just came weren't counted
        state.apply(command, time.now());
      }
    }
    state.endAll(reason, message, time.now());
    settle();
  }

  /** By the watchdog: gives the engine up if its turn takes too long. */
  void checkTurn() {
    long began = turnBegan;
    if (alive && began != NOT_IN_TURN && time.now() - began > settings.stepTimeout().toNanos()) {
      giveUp();
    }
  }

  private void giveUp() {
    log.error("a step has taken longer than {}: the engine is given up", settings.stepTimeout());
    alive = false;
    intake.close(Reason.ENGINE_DOWN, "a step of the engine hangs");
  }

  @Override
  public long submit(GenerationRequest request, Outlet outlet) {
    long id = intake.submit(request, outlet);
    wake(); // after a refusal too: it's to be counted
    return id;
  }

  @Override
  public void cancel(long id) {
    intake.cancel(id);
    wake();
  }

  @Override
  public void interrupt(long id) {
    intake.interrupt(id);
    wake();
  }

  @Override
  public long openSession() {
    return intake.openSession();
  }

  @Override
  public void closeSession(long session) {
    intake.closeSession(session);
    wake();
  }

  @Override
  public void demandChanged(long id) {
    intake.demandChanged(id);
    wake();
  }

  @Override
  public int maxSequenceTokens() {
    return maxSequenceTokens;
  }

  @Override
  public EngineSnapshot snapshot() {
    return snapshot;
  }

  @Override
  public boolean isAlive() {
    return alive;
  }

  @Override
  public void drain() {
    intake.drain();
  }

  @Override
  public void close() {
    if (!closing.compareAndSet(false, true)) {
      return;
    }
    intake.drain();
    watchdog.shutdownNow();
    if (thread.getState() == Thread.State.NEW) {
      stop(Reason.DRAINING, "the server is shutting down");
    }
    wake();
    if (awaitEnd(settings.stepTimeout())) {
      model.close();
    } else {
      giveUp(); // the step may still use the model: its memory is left alone
    }
  }

  private boolean awaitEnd(Duration atMost) {
    try {
      return thread.getState() == Thread.State.NEW || thread.join(atMost);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return !thread.isAlive();
    }
  }
}
