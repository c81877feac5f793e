package dev.millrace.engine;

/** What other threads tell the engine's thread. Applied between steps, in order of arrival. */
sealed interface Command {
  Sequence sequence();

  /** A request that has a place in the queue. */
  record Submit(Sequence sequence) implements Command {}

  /** Its caller went away. */
  record Cancel(Sequence sequence) implements Command {}

  /** Its outlet has room again. */
  record DemandChanged(Sequence sequence) implements Command {}
}
