package dev.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.BitSet;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * Thousands of small worlds from seeds ({@link SimulatedWorld}). The first seeds are always the
 * same; {@link #main} runs others for as long as asked. A world that fails is made smaller: clients
 * without whom it fails as well are left out.
 */
class SimulationTest {
  private static final int SCENARIOS = 10_000;

  // Tokens of drafts in all worlds.
  private static final LongAdder DRAFTED = new LongAdder();
  private static final LongAdder ACCEPTED = new LongAdder();

  @Test
  void everyRequestEndsOnceWithTheTextOfItsSoloRunAndNothingLeaks() {
    LongStream.range(0, SCENARIOS).parallel().forEach(SimulationTest::run);

    assertThat(ACCEPTED.sum()).as("drafts that were right").isGreaterThan(1_000);
    assertThat(DRAFTED.sum() - ACCEPTED.sum()).as("and wrong").isGreaterThan(1_000);
  }

  @Test
  void aWorldThatFailsNamesItsSeedAndTheFewestClientsWithWhomItStillDoes() {
    Worlds broken =
        (seed, clients) ->
            clients.get(3) && clients.get(7) ? new IllegalStateException("both are there") : null;

    assertThatThrownBy(() -> run(42, broken))
        .hasMessageStartingWith("world of seed 42 fails, also with no clients but {3, 7}:")
        .hasRootCauseMessage("both are there");
  }

  /** Arguments: how long, in ISO-8601 (PT30M); the first seed, by default the time. */
  public static void main(String[] arguments) {
    Duration howLong = Duration.parse(arguments.length > 0 ? arguments[0] : "PT1M");
    long seed = arguments.length > 1 ? Long.parseLong(arguments[1]) : System.nanoTime();
    long begun = System.nanoTime();
    long worlds = 0;
    while (System.nanoTime() - begun < howLong.toNanos()) {
      long from = seed + worlds;
      LongStream.range(from, from + 1_000).parallel().forEach(SimulationTest::run);
      worlds += 1_000;
    }
    System.out.printf("%d worlds from seed %d on: all well%n", worlds, seed);
  }

  /** A world's run, which a test replaces by one that fails. */
  private interface Worlds {
    @Nullable Throwable failure(long seed, BitSet clients);
  }

  private static void run(long seed) {
    run(seed, SimulationTest::failure);
  }

  private static void run(long seed, Worlds worlds) {
    BitSet all = new BitSet();
    all.set(0, SimulatedWorld.MOST_CLIENTS);
    Throwable failure = worlds.failure(seed, all);
    if (failure != null) {
      BitSet fewest = shrink(seed, all, worlds);
      Throwable last = worlds.failure(seed, fewest);
      throw new AssertionError(
          "world of seed %d fails, also with no clients but %s:%n%s"
              .formatted(seed, fewest, new SimulatedWorld(seed, fewest)),
          last == null ? failure : last);
    }
  }

  /** The fewest clients that were found with whom the world still fails. */
  private static BitSet shrink(long seed, BitSet clients, Worlds worlds) {
    BitSet fewest = clients;
    for (int client = 0; client < SimulatedWorld.MOST_CLIENTS; client++) {
      BitSet fewer = (BitSet) fewest.clone();
      fewer.clear(client);
      if (worlds.failure(seed, fewer) != null) {
        fewest = fewer;
      }
    }
    return fewest;
  }

  private static @Nullable Throwable failure(long seed, BitSet clients) {
    try {
      SimulatedWorld world = new SimulatedWorld(seed, clients);
      world.run();
      DRAFTED.add(world.drafted());
      ACCEPTED.add(world.accepted());
      return null;
    } catch (RuntimeException | Error e) {
      return e;
    }
  }
}
