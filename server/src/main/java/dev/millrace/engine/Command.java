package dev.millrace.engine;

/** What other threads tell the engine's thread. Applied between steps, in order of arrival. */
sealed interface Command {

  /** About one request; means nothing any more when that has ended. */
  sealed interface OfGeneration extends Command {
    Generation generation();
  }

  /** A request that has a place in the queue. */
  record Submit(Generation generation) implements OfGeneration {}

  /** Its caller went away. */
  record Cancel(Generation generation) implements OfGeneration {}

  /** Its output ends with what there is. */
  record Interrupt(Generation generation) implements OfGeneration {}

  /** Its outlet has room again. */
  record DemandChanged(Generation generation) implements OfGeneration {}

  /** Requests of this session may leave their blocks to it. */
  record OpenSession(long session) implements Command {}

  /** No request of a session comes any more. */
  record CloseSession(long session) implements Command {}
}
