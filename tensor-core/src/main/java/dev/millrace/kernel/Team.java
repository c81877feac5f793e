package dev.millrace.kernel;

/**
 * A fixed team of threads that runs one task at a time, split statically into as many parts as
 * there are members, the caller among them. Each member prefers its own part, so that it meets the
 * same memory again, but whoever is free runs a part whose member hasn't come yet. Idle members
 * spin briefly, then park.
 */
public interface Team extends AutoCloseable {
  /**
   * One piece of work, called once for each part. Must not depend on which thread runs which part.
   */
  interface Task {
    void run(int part, int parts);
  }

  /** A limit against slips of the hand; no machine that we know gains from more. */
  int MAX_SIZE = 1024;

  /** A team of {@code size} threads, the caller's among them. */
  static Team of(int size) {
    if (size < 1 || size > MAX_SIZE) {
      throw new IllegalArgumentException(
          "a team of " + size + " threads: must be 1 to " + MAX_SIZE);
    }
    return size == 1
        ? new CallerTeam()
        : new WorkerTeam(size, "millrace-kernel", CoreWatch.ofThisMachine());
  }

  int size();

  /**
   * Runs all parts; returns when all have ended. One caller at a time. If parts throw, the first
   * failure is rethrown after all have ended.
   */
  void run(Task task);

  @Override
  void close();

  /** First unit of {@code part} when {@code units} are split evenly in {@code parts}. */
  static int split(int units, int part, int parts) {
    return (int) ((long) units * part / parts);
  }
}
