package dev.millrace.engine;

/**
 * Where a request's events go: bounded, between the engine's thread and whoever reads. The engine
 * calls these from its own thread only, but for {@link #fail}; none of them blocks or throws.
 */
public interface Outlet {
  /**
   * How many more Deltas find room. While none does, the sequence is stalled: not decoded. When
   * room appears again, the outlet tells the engine ({@link Engine#demandChanged}).
   */
  int room();

  /**
   * Hands an event on. Events other than Delta always find room, and so does one Delta more for
   * each candidate than {@link #room} counts: what is left when a stalled sequence ends by its time
   * limit.
   */
  void emit(GenerationEvent event);

  /** The stream ended well: after Summary. */
  void complete();

  /**
   * The stream ended without an answer. Comes from any thread: that of {@link Engine#submit} for a
   * refusal, or a watchdog's while the engine's thread hangs; then an {@link #emit} may follow, to
   * be ignored. Comes once, and never beside {@link #complete}.
   */
  void fail(GenerationException failure);
}
