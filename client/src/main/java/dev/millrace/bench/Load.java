package dev.millrace.bench;

import java.nio.file.Path;

/** When requests are made. */
public sealed interface Load {
  /** A closed loop: whoever's request has ended asks again, so a slow server is asked less. */
  record Closed(int streams) implements Load {
    public Closed {
      BenchSettings.requireWithin("streams", streams, 1);
    }
  }

  /**
   * An open loop: requests arrive at random, so many a second on average, whatever becomes of them.
   */
  record Poisson(double perSecond) implements Load {
    public Poisson {
      if (!(perSecond > 0 && perSecond <= BenchSettings.MOST)) {
        throw new IllegalArgumentException(
            "--rate is " + perSecond + "; it must be above 0, at most " + BenchSettings.MOST);
      }
    }
  }

  /**
   * Arrivals, lengths and common prefixes of a recorded hour.
   *
   * @param speed how many times as fast as it was
   * @param lengths what prompts and answers are shortened to, as a part of their lengths
   */
  record Replay(Path file, double speed, double lengths) implements Load {
    public Replay {
      if (!(speed > 0 && speed <= BenchSettings.MOST)) {
        throw new IllegalArgumentException(
            "--speed is " + speed + "; it must be above 0, at most " + BenchSettings.MOST);
      }
      if (!(lengths > 0 && lengths <= 1)) {
        throw new IllegalArgumentException(
            "--lengths is " + lengths + "; it must be above 0, at most 1");
      }
    }
  }
}
