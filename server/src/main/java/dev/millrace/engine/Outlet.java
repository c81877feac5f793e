package dev.millrace.engine;

/**
 * Where a sequence's events go: bounded, between the engine's thread and whoever reads. The engine
 * calls these from its own thread only; none of them blocks.
 */
public interface Outlet {
  /**
   * Whether there is room for one more Delta. While there is none, the sequence is stalled: not
   * decoded. When room appears again, the outlet tells the engine ({@link Engine#demandChanged}).
   */
  boolean hasRoom();

  /** Hands an event on. Events other than Delta always find room. */
  void emit(GenerationEvent event);

  /** The stream ended well: after Summary. */
  void complete();

  void fail(GenerationException failure);
}
