package dev.millrace.engine;

/**
 * Decides what the next step computes. The engine has one, {@link Scheduler}; tests compare others.
 */
interface Planner {
  /** Takes the blocks for it too. The same state and time give the same plan. */
  StepPlan plan(long now);
}
