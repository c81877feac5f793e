package dev.millrace.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A team of daemon threads that live as long as it does.
 *
 * <p>A run is announced by raising {@code round}, which publishes the task, and is over when {@code
 * unfinished} reaches 0, which publishes what the parts wrote. Whoever waits spins for {@link
 * #SPIN_NANOS}, since a step's next task comes within microseconds, then parks, since an idle
 * server must cost nothing. A part whose worker hasn't begun it when the caller is done with its
 * own is run by the caller: where cores are taken by others, the team is as fast as those that it
 * has.
 */
final class WorkerTeam implements Team {
  /**
   * How long to spin before parking: above the gaps between a step's tasks (some µs) and the price
   * of waking a parked thread (50 µs), far below what would show as load.
   */
  private static final long SPIN_NANOS = 100_000;

  private static final int SPINS_PER_LOOK_AT_THE_CLOCK = 64;

  private final List<Worker> workers = new ArrayList<>();
  private final Waiter caller =
      new Waiter() {
        @Override
        boolean isOver() {
          return unfinished.get() == 0;
        }
      };
  private final AtomicBoolean busy = new AtomicBoolean();
  private final AtomicInteger unfinished = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private @Nullable Task task; // written before round, read after it
  private final AtomicInteger round = new AtomicInteger();
  private volatile boolean closed;

  WorkerTeam(int size, String name) {
    for (int part = 1; part < size; part++) {
      workers.add(new Worker(part, name + "-" + part));
    }
    workers.forEach(Thread::start);
  }

  @Override
  public int size() {
    return workers.size() + 1;
  }

  @Override
  public void run(Task task) {
    if (!busy.compareAndSet(false, true)) {
      throw new IllegalStateException("the team runs another task: one caller at a time");
    }
    try {
      if (closed) {
        throw new IllegalStateException("the team is closed");
      }
      this.task = task;
      unfinished.set(workers.size());
      round.incrementAndGet();
      for (int i = 0; i < workers.size(); i++) { // an iterator would be garbage in every step
        workers.get(i).waiter.wake();
      }
      runPart(task, 0);
      for (int i = 0; i < workers.size(); i++) {
        workers.get(i).runIfNotTaken();
      }
      caller.await();
      this.task = null;
      rethrow(failure.getAndSet(null));
    } finally {
      busy.set(false);
    }
  }

  private void runPart(Task task, int part) {
    try {
      task.run(part, size());
    } catch (Throwable thrown) {
      failure.compareAndSet(null, thrown);
    }
  }

  private static void rethrow(@Nullable Throwable thrown) {
    switch (thrown) {
      case null -> {}
      case RuntimeException exception -> throw exception;
      case Error error -> throw error;
      default -> throw new IllegalStateException("a part failed", thrown);
    }
  }

  /** Ends the workers and waits for them. An interrupt is kept for the caller, not obeyed. */
  @Override
  public void close() {
    closed = true;
    boolean interrupted = false;
    for (Worker worker : workers) {
      worker.waiter.wake();
      while (worker.isAlive()) {
        try {
          worker.join();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private final class Worker extends Thread {
    private final int part;
    private final AtomicInteger taken = new AtomicInteger(); // the last round whose part was begun
    private final Waiter waiter =
        new Waiter() {
          @Override
          boolean isOver() {
            return round.get() != taken.get() || closed;
          }
        };

    Worker(int part, String name) {
      super(name);
      this.part = part;
      setDaemon(true);
    }

    @Override
    public void run() {
      while (true) {
        waiter.await();
        if (round.get() == taken.get()) {
          if (closed) {
            return; // and no task that its caller still waits for
          }
        } else {
          runIfNotTaken();
        }
      }
    }

    /**
     * Runs this worker's part of the current round, unless somebody has begun it. Whoever takes it
     * makes the round last until it is done, so the task can't change meanwhile.
     */
    void runIfNotTaken() {
      int last = taken.get();
      int now = round.get();
      if (last == now || !taken.compareAndSet(last, now)) {
        return;
      }
      Task current = task;
      if (current == null) {
        throw new AssertionError("a round without a task");
      }
      runPart(current, part);
      if (unfinished.decrementAndGet() == 0) {
        caller.wake();
      }
    }
  }

  /** Where one thread waits for something that another makes true before it calls {@link #wake}. */
  private abstract static class Waiter {
    private volatile @Nullable Thread parked;

    abstract boolean isOver();

    void await() {
      long spinUntil = 0; // the clock is asked only once the first spins were in vain
      for (int spins = 1; !isOver(); spins++) {
        if (spins % SPINS_PER_LOOK_AT_THE_CLOCK != 0) {
          Thread.onSpinWait();
        } else if (spinUntil == 0) {
          spinUntil = System.nanoTime() + SPIN_NANOS;
        } else if (System.nanoTime() - spinUntil > 0) {
          park();
          return;
        }
      }
    }

    private void park() {
      parked = Thread.currentThread();
      // isOver() reads after parked is written, and wake() reads parked after what isOver() reads
      // was written: one of the two sees the other.
      while (!isOver()) {
        LockSupport.park(this);
      }
      parked = null;
    }

    void wake() {
      Thread thread = parked;
      if (thread != null) {
        LockSupport.unpark(thread);
      }
    }
  }
}
