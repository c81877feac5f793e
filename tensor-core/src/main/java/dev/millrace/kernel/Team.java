package dev.millrace.kernel;

/**
 * A fixed team of threads that runs one task at a time, split statically into as many parts as
 * there are members. The caller is member 0. Idle members spin briefly, then park.
 */
public interface Team extends AutoCloseable {
  /**
   * One piece of work, called once on each member. Must not depend on which thread runs which part.
   */
  interface Task {
    void run(int part, int parts);
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
