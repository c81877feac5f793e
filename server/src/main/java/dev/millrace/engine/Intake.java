package dev.millrace.engine;

import dev.millrace.engine.GenerationEvent.Usage;
import dev.millrace.engine.GenerationException.Reason;
import dev.millrace.request.GenerationRequest;
import dev.millrace.tokenizer.Tokenizer;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * The engine's door: what other threads ask becomes a command for the engine's thread, or a refusal
 * on the spot.
 *
 * <p>The queue of commands needs no bound of its own: every Submit in it holds one of the waiting
 * queue's places, and a request has at most one command of each other kind under way.
 */
final class Intake {
  private static final Duration SHORTEST_RETRY = Duration.ofMillis(100);
  private static final Duration LONGEST_RETRY = Duration.ofMinutes(1);

  /** Why nothing more comes in. */
  private record Closed(Reason reason, String message) {}

  private final EngineSettings settings;
  private final Tokenizer tokenizer;
  private final Timeline time;
  private final int maxSequenceTokens;

  private final AtomicLong ids = new AtomicLong();
  private final AtomicLong sessions = new AtomicLong();
  private final AtomicInteger waiting = new AtomicInteger();
  private final AtomicLong waitingTokens = new AtomicLong(); // of their prompts
  private final AtomicLong rejected = new AtomicLong();
  private final Map<Long, Generation> live = new ConcurrentHashMap<>();
  private final Queue<Command> commands = new ConcurrentLinkedQueue<>();
  private volatile boolean draining;
  private volatile @Nullable Closed closed;
  private volatile double predictedQueueSeconds;

  Intake(EngineSettings settings, Tokenizer tokenizer, Timeline time, int maxSequenceTokens) {
    this.settings = settings;
    this.tokenizer = tokenizer;
    this.time = time;
    this.maxSequenceTokens = maxSequenceTokens;
  }

  /** By any thread: a request gets a place in the queue, or is refused. */
  long submit(GenerationRequest request, Outlet outlet) {
    long id = ids.incrementAndGet();
    GenerationException refusal = refusal(request);
    if (refusal != null) {
      rejected.incrementAndGet();
      outlet.fail(refusal);
      return id;
    }
    Generation generation;
    try {
      generation = generation(id, request, outlet);
    } catch (RuntimeException e) {
      leaveQueue(1, request.prompt().length);
      throw e;
    }
    live.put(id, generation);
    commands.add(new Command.Submit(generation));
    Closed now = closed;
    if (now != null) { // meanwhile: whoever closed may not have seen this one
      fail(generation, now);
    }
    return id;
  }

  /** Why a request can't come in, or null: then it has taken one of the queue's places. */
  private @Nullable GenerationException refusal(GenerationRequest request) {
    Closed now = closed;
    int prompt = request.prompt().length;
    if (now != null) {
      return refusal(now.reason(), now.message(), Optional.empty());
    }
    if (draining) {
      return refusal(Reason.DRAINING, "the server is draining", Optional.empty());
    }
    if (prompt >= maxSequenceTokens) {
      return refusal(
          Reason.NEVER_FITS,
          "prompt: %d tokens; with one new token at most %d fit"
              .formatted(prompt, maxSequenceTokens),
          Optional.empty());
    }
    if (waiting.incrementAndGet() > settings.maxWaiting()) {
      waiting.decrementAndGet();
      return queueFull("%d requests wait already, as many as may".formatted(settings.maxWaiting()));
    }
    long most = settings.policy().maxWaitingTokens();
    long tokens = waitingTokens.addAndGet(prompt);
    if (tokens > most && tokens > prompt) { // one alone finds room however long it is
      leaveQueue(1, prompt);
      return queueFull(
          "prompts of %d tokens wait already; with this one's %d, they would be more than %d"
              .formatted(tokens - prompt, prompt, most));
    }
    return null;
  }

  private GenerationException queueFull(String message) {
    return refusal(Reason.QUEUE_FULL, message, Optional.of(retryAfter(predictedQueueSeconds)));
  }

  private void leaveQueue(int requests, long tokens) {
    waiting.addAndGet(-requests);
    waitingTokens.addAndGet(-tokens);
  }

  private static GenerationException refusal(
      Reason reason, String message, Optional<Duration> retryAfter) {
    return new GenerationException(reason, message, Usage.NONE, retryAfter);
  }

  private Generation generation(long id, GenerationRequest request, Outlet outlet) {
    long now = time.now();
    Lifetime lifetime =
        new Lifetime(
            now,
            request.maxQueueTime().map(d -> Timeline.after(now, d)).orElse(Lifetime.NEVER),
            request.deadlineNanos().map(time::at).orElse(Lifetime.NEVER),
            request.stop().timeLimit().map(d -> Timeline.after(now, d)).orElse(Lifetime.NEVER));
    return new Generation(id, request, outlet, lifetime, tokenizer, maxSequenceTokens);
  }

  /** By any thread. */
  void cancel(long id) {
    Generation generation = live.get(id);
    if (generation != null && generation.cancelSignal().compareAndSet(false, true)) {
      commands.add(new Command.Cancel(generation));
    }
  }

  /** By any thread. */
  long openSession() {
    long session = sessions.incrementAndGet();
    commands.add(new Command.OpenSession(session));
    return session;
  }

  /** By any thread. */
  void closeSession(long session) {
    commands.add(new Command.CloseSession(session));
  }

  /** By any thread. */
  void interrupt(long id) {
    Generation generation = live.get(id);
    if (generation != null && generation.interruptSignal().compareAndSet(false, true)) {
      commands.add(new Command.Interrupt(generation));
    }
  }

  /** By any thread. */
  void demandChanged(long id) {
    Generation generation = live.get(id);
    if (generation != null && generation.demandSignal().compareAndSet(false, true)) {
      commands.add(new Command.DemandChanged(generation));
    }
  }

  /** By any thread: new requests are refused from now on. */
  void drain() {
    draining = true;
  }

  /** By any thread: as {@link #drain}, and every request that hasn't ended yet is failed. */
  void close(Reason reason, String message) {
    Closed now = new Closed(reason, message);
    closed = now;
    live.values().forEach(generation -> fail(generation, now));
  }

  private static void fail(Generation generation, Closed why) {
    if (generation.claimEnd()) {
      // Usage may be a step old when the engine's thread hangs; it is what can be known.
      generation
          .outlet()
          .fail(
              new GenerationException(
                  why.reason(), why.message(), generation.usage(), Optional.empty()));
    }
  }

  /** By the engine's thread: the next command, or null. */
  @Nullable Command poll() {
    return commands.poll();
  }

  /** By the engine's thread, between turns: forgets what has ended, and opens the queue again. */
  void settle(EngineState state) {
    state.takeEnded().forEach(generation -> live.remove(generation.id()));
    leaveQueue(state.takeLeftQueue(), state.takeLeftQueueTokens());
    predictedQueueSeconds = state.predictedQueueSeconds();
  }

  long rejected() {
    return rejected.get();
  }

  /** When to come again if it takes so long until a request is started. */
  static Duration retryAfter(double predictedQueueSeconds) {
    Duration predicted = Duration.ofNanos((long) (predictedQueueSeconds * 1e9));
    Duration atLeast = predicted.compareTo(SHORTEST_RETRY) < 0 ? SHORTEST_RETRY : predicted;
    return atLeast.compareTo(LONGEST_RETRY) > 0 ? LONGEST_RETRY : atLeast;
  }
}
