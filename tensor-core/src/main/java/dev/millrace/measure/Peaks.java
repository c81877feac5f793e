package dev.millrace.measure;

import dev.millrace.kernel.Team;
import dev.millrace.memory.HugePageArena;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Optional;

/**
 * What a team's cores can do at most, measured: loops of nothing but the instructions that products
 * are made of, and of loads from memory that no cache holds.
 *
 * @param isa of those instructions: avx2 or avx512
 * @param fma multiply-adds of float32 a second
 * @param dot multiply-adds of int8 a second
 * @param memory bytes read a second
 */
public record Peaks(String isa, double fma, double dot, double memory) {
  /** Far more than any core's caches hold. */
  private static final long MEMORY_BYTES = 256L << 20;

  /** Of repetitions of some milliseconds each: long enough for some to be undisturbed. */
  private static final long MEASURED_NANOS = 300_000_000;

  private static final int LOOPS = 200_000; // some milliseconds

  /** Takes a second; empty where code can't be emitted. */
  public static Optional<Peaks> measure(Team team) {
    try (Arena arena = HugePageArena.open()) { // as weights have it
      return PeakCode.emit(arena).map(code -> measure(team, code, arena));
    }
  }

  private static Peaks measure(Team team, PeakCode code, Arena arena) {
    MemorySegment memory = arena.allocate(MEMORY_BYTES, PeakCode.READ_BYTES);
    memory.fill((byte) 1); // pages that nobody wrote to may all be one page of zeros
    long loops = memory.byteSize() / PeakCode.READ_BYTES;
    double read =
        best(
            team,
            new Team.Task() {
              @Override
              public int shares() {
                return Team.MAX_SHARES;
              }

              @Override
              public void run(int part, int parts) {
                long from = loops * part / parts;
                long to = loops * (part + 1) / parts;
                code.read(memory.address() + from * PeakCode.READ_BYTES, to - from);
              }
            });
    double fma = best(team, (part, parts) -> code.fma(LOOPS));
    double dot = best(team, (part, parts) -> code.dot(LOOPS));
    double work = (double) LOOPS * team.size();
    return new Peaks(
        code.isa(),
        work * code.fmasInLoop() / fma,
        work * code.dotsInLoop() / dot,
        MEMORY_BYTES / read);
  }

  /** Seconds that the fastest run took: the others were disturbed. */
  private static double best(Team team, Team.Task task) {
    long best = Long.MAX_VALUE;
    long first = System.nanoTime();
    for (long begun = first; begun - first < MEASURED_NANOS; begun = System.nanoTime()) {
      team.run(task);
      best = Math.min(best, System.nanoTime() - begun);
    }
    return best / 1e9;
  }
}
