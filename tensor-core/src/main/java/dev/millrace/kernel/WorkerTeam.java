package dev.millrace.kernel;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLongArray;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * A team of daemon threads that live as long as it does.
 *
 * <p>A run is announced by raising {@code round}, which publishes the task. Each member claims its
 * own parts one by one, then any that nobody has claimed yet: a member whose core was taken away by
 * another process is not waited for unless it has begun. The run is over when {@code unfinished}
 * reaches 0, which publishes what the parts wrote. While others want the cores, the caller does all
 * parts itself ({@link CoreWatch}). Whoever waits spins for {@link #SPIN_NANOS}, since a step's
 * next task comes within microseconds, then parks, since an idle server must cost nothing.
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
  private final CoreWatch watch;
  private final AtomicBoolean busy = new AtomicBoolean();
  private final AtomicInteger unfinished = new AtomicInteger();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
  private final AtomicLongArray unclaimed; // [member]: a round, and how many of its parts are left
  private @Nullable Task task; // read by whoever has claimed a part of this round, which keeps it
  private int shares; // alike
  private final AtomicInteger round = new AtomicInteger();
  private volatile boolean closed;

  WorkerTeam(int size, String name, CoreWatch watch) {
    this.watch = watch;
    unclaimed = new AtomicLongArray(size);
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
      if (watch.alone()) {
        runAlone(task);
      } else {
        watch.begin();
        runTogether(task);
        watch.end();
      }
      rethrow(failure.getAndSet(null));
    } finally {
      busy.set(false);
    }
  }

  private void runTogether(Task task) {
    this.task = task;
    shares = Math.clamp(task.shares(), 1, MAX_SHARES);
    unfinished.set(size() * shares);
    int current = round.get() + 1;
    for (int member = 0; member < size(); member++) {
      unclaimed.set(member, (long) current << Integer.SIZE | shares);
    }
    round.set(current);
    for (int i = 0; i < workers.size(); i++) { // an iterator would be garbage in every step
      workers.get(i).waiter.wake();
    }
    runParts(current, 0);
    caller.await();
    this.task = null;
  }

  private void runAlone(Task task) {
    for (int part = 0; part < size(); part++) {
      try {
        task.run(part, size());
      } catch (Throwable thrown) {
        failure.compareAndSet(null, thrown);
      }
    }
  }

  /** Runs unclaimed parts of a round, the member's own first. */
  private void runParts(int current, int own) {
    for (int i = 0; i < size(); i++) {
      int member = (own + i) % size();
      for (int left = claim(current, member); left > 0; left = claim(current, member)) {
        runPart((member + 1) * shares - left);
      }
    }
  }

  /** Claims a member's next part: returns how many were left; none if that round is over. */
  private int claim(int current, int member) {
    while (true) {
      long seen = unclaimed.get(member);
      int left = (int) seen;
      if ((int) (seen >>> Integer.SIZE) != current || left == 0) {
        return 0;
      }
      if (unclaimed.compareAndSet(member, seen, seen - 1)) {
        return left;
      }
    }
  }

  private void runPart(int part) {
    try {
      if (task == null) {
        throw new AssertionError("a round without a task");
      }
      task.run(part, size() * shares);
    } catch (Throwable thrown) {
      failure.compareAndSet(null, thrown);
    }
    if (unfinished.decrementAndGet() == 0) {
      caller.wake();
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
    private int seen;
    private final Waiter waiter =
        new Waiter() {
          @Override
          boolean isOver() {
            return round.get() != seen || closed;
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
        int current = round.get();
        if (current == seen) {
          return; // closed
        }
        seen = current;
        runParts(current, part);
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
