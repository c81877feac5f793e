package dev.millrace.pipeline;

import dev.millrace.engine.Engine;
import dev.millrace.engine.GenerationEvent;
import dev.millrace.engine.GenerationEvent.Delta;
import dev.millrace.engine.GenerationException;
import dev.millrace.engine.Outlet;
import dev.millrace.request.GenerationRequest;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;
import org.reactivestreams.Subscriber;
import org.reactivestreams.Subscription;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The outlet of one request, and the subscription of its one reader: a ring of a few events between
 * the engine's thread, which alone fills it, and whoever drains, which alone empties it.
 *
 * <p>Who drains: {@link #work} counts reasons to look; whoever raises it from 0 delivers until it
 * is 0 again, so the subscriber is called by one thread at a time. A subscriber that asks drains on
 * its own thread; what the engine brings is drained on the executor.
 *
 * <p>Order at the end: onComplete comes behind all events. A failure comes at once, past events
 * that nobody asked for yet: a reader that sleeps hears of it too.
 */
final class OutletSubscription implements Subscription, Outlet, Runnable {
  private static final Logger log = LoggerFactory.getLogger(OutletSubscription.class);

  /** For Started and Summary, which always find room, and so does what tells of the prompt. */
  private static final int PLACES_BESIDE = 2;

  /** For a last Delta and Finished, which do so too. */
  private static final int PLACES_BESIDE_EACH = 2;

  private static final long NO_ID = -1;

  private final Engine engine;
  private final int capacity;
  private final GenerationRequest request;
  private final Executor executor;

  private final AtomicReferenceArray<@Nullable GenerationEvent> ring; // null where free
  private int tail; // next place to fill; the engine's thread
  private int head; // next place to empty; whoever drains
  private final AtomicInteger deltas = new AtomicInteger(); // in the ring
  private final AtomicLong requested = new AtomicLong();
  private final AtomicInteger work = new AtomicInteger(1); // held until the sequence has its id

  private volatile long id = NO_ID;
  private volatile boolean cancelled;
  private volatile boolean completed;
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private @Nullable Subscriber<? super GenerationEvent> subscriber; // null once it has its end

  OutletSubscription(
      Engine engine,
      int capacity,
      GenerationRequest request,
      Executor executor,
      Subscriber<? super GenerationEvent> subscriber) {
    this.engine = engine;
    this.capacity = capacity;
    this.executor = executor;
    this.subscriber = subscriber;
    this.request = request;
    this.ring =
        new AtomicReferenceArray<>(
            capacity
                + PLACES_BESIDE
                + request.promptEvents()
                + request.candidateCount() * PLACES_BESIDE_EACH);
  }

  /** Submits the request; the subscriber has this subscription already. */
  void start() {
    if (!cancelled) {
      try {
        id = engine.submit(request, this);
      } catch (RuntimeException e) {
        failure.compareAndSet(null, e);
      }
      if (cancelled) { // meanwhile, when there was no id yet
        cancelInEngine();
      }
    }
    run();
  }

  // ---- the subscriber's side

  @Override
  public void request(long n) {
    if (n <= 0) {
      failure.compareAndSet(
          null, new IllegalArgumentException("§3.9: requested " + n + ", must be positive"));
      cancelInEngine();
    } else {
      requested.accumulateAndGet(n, (a, b) -> a + b < 0 ? Long.MAX_VALUE : a + b);
    }
    if (work.getAndIncrement() == 0) {
      run();
    }
  }

  @Override
  public void cancel() {
    cancelled = true;
    cancelInEngine();
    if (work.getAndIncrement() == 0) {
      run();
    }
  }

  private void cancelInEngine() {
    if (id != NO_ID) {
      engine.cancel(id);
    }
  }

  /** Ends the output with what there is. */
  void interrupt() {
    if (id != NO_ID) { // else it was refused, or cancelled before it began
      engine.interrupt(id);
    }
  }

  // ---- the engine's side

  @Override
  public int room() {
    return capacity - deltas.get();
  }

  @Override
  public void emit(GenerationEvent event) {
    if (ring.getAcquire(tail) != null) {
      if (cancelled || failure.get() != null) {
        return; // nobody empties the ring any more
      }
      throw new IllegalStateException("the outlet has no room for " + event);
    }
    if (event instanceof Delta) {
      deltas.incrementAndGet();
    }
    ring.setRelease(tail, event);
    tail = (tail + 1) % ring.length();
    drainSoon();
  }

  @Override
  public void complete() {
    completed = true;
    drainSoon();
  }

  @Override
  public void fail(GenerationException cause) {
    failure.compareAndSet(null, cause);
    drainSoon();
  }

  private void drainSoon() {
    if (work.getAndIncrement() == 0) {
      try {
        executor.execute(this);
      } catch (RejectedExecutionException e) { // it was shut down first: better here than never
        log.debug("the executor of outlets doesn't take tasks any more: {}", e.toString());
        run();
      }
    }
  }

  // ---- whoever drains

  @Override
  public void run() {
    int seen = work.get();
    do {
      deliver();
      seen = work.addAndGet(-seen);
    } while (seen != 0);
  }

  private void deliver() {
    Subscriber<? super GenerationEvent> reader = subscriber;
    if (reader == null) {
      return;
    }
    try {
      boolean last = completed; // before looking for events: nothing comes behind it
      deliverRequested(reader);
      Throwable failed = failure.get();
      if (cancelled) {
        subscriber = null;
      } else if (failed != null) {
        subscriber = null;
        reader.onError(failed);
      } else if (last && ring.getAcquire(head) == null) {
        subscriber = null;
        reader.onComplete();
      }
    } catch (Throwable e) { // errors too, else work stays above 0. §2.13: it counts as cancelled
      log.error("a subscriber threw", e);
      subscriber = null;
      cancelled = true;
      cancelInEngine();
    }
  }

  private void deliverRequested(Subscriber<? super GenerationEvent> reader) {
    while (requested.get() > 0 && !cancelled) {
      GenerationEvent event = poll();
      if (event == null) {
        return;
      }
      if (requested.get() != Long.MAX_VALUE) {
        requested.decrementAndGet();
      }
      reader.onNext(event);
    }
  }

  private @Nullable GenerationEvent poll() {
    GenerationEvent event = ring.getAcquire(head);
    if (event != null) {
      ring.setRelease(head, null);
      head = (head + 1) % ring.length();
      if (event instanceof Delta && deltas.getAndDecrement() == capacity) {
        engine.demandChanged(id);
      }
    }
    return event;
  }
}
