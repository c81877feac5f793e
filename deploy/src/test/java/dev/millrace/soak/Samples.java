package dev.millrace.soak;

import dev.millrace.soak.SoakServer.Memory;
import dev.millrace.v1.EngineStats;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;

/** What was seen of the server over time. */
final class Samples {
  private static final String COLUMNS =
      "seconds,round,at_rest,heap_live_kib,off_heap_kib,resident_kib,threads,files,waiting,running,stalled,kv_blocks_in_use,kv_blocks_cached,completion_tokens,recomputed_tokens,preemptions,requests_finished,requests_cancelled,requests_rejected,requests_failed,texts,kills\n";

  /** A growth is one only above so many KiB: the JVM's own comings and goings. */
  private static final long NOISE = 2_048;

  private static final double MOST_GROWTH = 1.1;

  /** Fewer say nothing of growth: the compiler and all pools are still warming up. */
  private static final int ENOUGH = 12;

  /**
   * @param texts compared so far that were whole
   */
  record Sample(
      double seconds,
      int round,
      boolean atRest,
      Memory memory,
      EngineStats engine,
      long texts,
      int kills) {

    String row() {
      return String.format(
          "%.1f,%d,%b,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d,%d%n",
          seconds,
          round,
          atRest,
          memory.heap(),
          memory.offHeap(),
          memory.resident(),
          memory.threads(),
          memory.files(),
          engine.getWaitingSequences(),
          engine.getRunningSequences(),
          engine.getStalledSequences(),
          engine.getKvBlocksInUse(),
          engine.getKvBlocksCached(),
          engine.getCompletionTokens(),
          engine.getRecomputedTokens(),
          engine.getPreemptions(),
          engine.getRequestsFinished(),
          engine.getRequestsCancelled(),
          engine.getRequestsRejected(),
          engine.getRequestsFailed(),
          texts,
          kills);
    }
  }

  private final List<Sample> all = new ArrayList<>();

  void add(Sample sample) {
    all.add(sample);
    System.out.print(sample.row());
  }

  void write(Path folder) throws IOException {
    Files.createDirectories(folder);
    StringBuilder table = new StringBuilder(COLUMNS);
    all.forEach(sample -> table.append(sample.row()));
    Files.writeString(folder.resolve("soak.csv"), table);
    Files.writeString(folder.resolve("soak.svg"), new Plot(all).svg());
  }

  /** What has grown from the first third to the last of the samples at rest. */
  List<String> notFlat() {
    List<Sample> rest = all.stream().filter(Sample::atRest).toList();
    List<String> grown = new ArrayList<>();
    if (rest.size() >= ENOUGH) {
      compare(rest, "live heap, KiB", NOISE, sample -> sample.memory().heap(), grown);
      compare(rest, "off the heap, KiB", NOISE, sample -> sample.memory().offHeap(), grown);
      compare(rest, "resident, KiB", 16 * NOISE, sample -> sample.memory().resident(), grown);
      compare(rest, "threads", 4, sample -> sample.memory().threads(), grown);
      compare(rest, "open files", 4, sample -> sample.memory().files(), grown);
    }
    return grown;
  }

  private static void compare(
      List<Sample> rest, String what, long noise, ToLongFunction<Sample> of, List<String> grown) {
    int third = rest.size() / 3;
    long first = median(rest.subList(rest.size() / 10, third + rest.size() / 10), of);
    long last = median(rest.subList(rest.size() - third, rest.size()), of);
    System.out.printf("%s at rest: %,d in the first third, %,d in the last%n", what, first, last);
    if (last > first * MOST_GROWTH && last > first + noise) {
      grown.add("%s at rest grew from %,d to %,d".formatted(what, first, last));
    }
  }

  private static long median(List<Sample> samples, ToLongFunction<Sample> of) {
    long[] sorted = samples.stream().mapToLong(of).sorted().toArray();
    return sorted[sorted.length / 2];
  }
}
