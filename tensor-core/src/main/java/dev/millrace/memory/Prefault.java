package dev.millrace.memory;

import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/**
 * Makes memory resident before it is needed, beside those who use it already: the first touch of a
 * huge page has the system fill it with zeros, and a cache whose layers all come to a new one at
 * the same time would hold up a step by a tenth of a second. What is written there stays. Takes
 * half of a core at most, until all is done.
 */
public final class Prefault implements AutoCloseable {
  private static final long PIECE = 2L << 20; // bytes; a huge page

  private final List<MemorySegment> memory;
  private final ExecutorService executor =
      Executors.newSingleThreadExecutor(
          Thread.ofPlatform().daemon().name("millrace-prefault").factory());

  private Prefault(List<MemorySegment> memory) {
    this.memory = memory;
  }

  /**
   * @param memory all of one size, from the system ({@link HugePageArena}); their beginnings are
   *     done first
   */
  public static Prefault start(List<MemorySegment> memory) {
    Prefault prefault = new Prefault(List.copyOf(memory));
    if (Pages.areSupported()) {
      prefault.executor.execute(prefault::run);
    }
    prefault.executor.shutdown(); // its thread ends with this one task
    return prefault;
  }

  private void run() {
    long size = memory.getFirst().byteSize();
    try {
      for (long from = 0; from < size; from += PIECE) {
        for (MemorySegment each : memory) {
          if (Thread.currentThread().isInterrupted()) {
            return; // closed
          }
          long begun = System.nanoTime();
          Pages.populate(each.asSlice(from, Math.min(PIECE, size - from)));
          LockSupport.parkNanos(System.nanoTime() - begun);
        }
      }
    } catch (IllegalStateException refused) {
      return; // by a Linux before 5.14: pages come when they are touched
    }
  }

  /** Waits until it has ended. */
  boolean await(Duration most) throws InterruptedException {
    return executor.awaitTermination(most.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** Ends it. The memory may be given back then. */
  @Override
  public void close() {
    executor.shutdownNow();
    executor.close();
  }
}
