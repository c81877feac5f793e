package dev.millrace.engine;

/** What other threads tell the engine's thread. Applied between steps, in order of arrival. */
sealed interface Command {

  /** About one sequence; means nothing any more when that has ended. */
  sealed interface OfSequence extends Command {
    Sequence sequence();
  }

  /** A request that has a place in the queue. */
  record Submit(Sequence sequence) implements OfSequence {}

  /** Its caller went away. */
  record Cancel(Sequence sequence) implements OfSequence {}

  /** Its output ends with what there is. */
  record Interrupt(Sequence sequence) implements OfSequence {}

  /** Its outlet has room again. */
  record DemandChanged(Sequence sequence) implements OfSequence {}

  /** No request of a session comes any more. */
  record CloseSession(long session) implements Command {}
}
