package dev.millrace.engine;

import java.time.Instant;

/** Time as the engine sees it. Simulations have their own. */
public interface EngineClock {
  EngineClock SYSTEM =
      new EngineClock() {
        @Override
        public long nanoTime() {
          return System.nanoTime();
        }

        @Override
        public Instant instant() {
          return Instant.now();
        }
      };

  /** As {@link System#nanoTime}: only differences mean something. */
  long nanoTime();

  /** Of the day; for people, never for decisions. */
  Instant instant();
}
