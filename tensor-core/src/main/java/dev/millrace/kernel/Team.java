package dev.millrace.kernel;

/**
 * A fixed team of threads, the caller among them, that runs one task at a time, split into as many
 * parts as there are members, or a multiple. Each member has its own parts, so that it meets the
 * same memory again, but whoever is free runs parts that their member hasn't come to yet. Idle
 * members spin briefly, then park.
 */
public interface Team extends AutoCloseable {
  /**
   * One piece of work, called once for each part. Must not depend on which thread runs which part.
   */
  interface Task {
    void run(int part, int parts);

    /**
     * Into how many parts to split what falls to a member, 1 to {@link #MAX_SHARES}; no more than
     * are worth it. A member that gets less done than another then does fewer: for want of memory
     * bandwidth, or since its core is a hyperthread beside another machine's.
     */
    default int shares() {
      return 1;
    }
  }

  /** Of a task, for each member. */
  int MAX_SHARES = 64;

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
        : new WorkerTeam(size, "millrace-kernel", CoreWatch.ofThisMachine(size));
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
