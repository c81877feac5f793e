package dev.millrace.network;

import com.sun.management.ThreadMXBean;
import dev.millrace.gguf.GgufFile;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.kv.BlockTable;
import dev.millrace.kv.KvPool;
import dev.millrace.model.ModelFile;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Times whole steps of a model: decode at several batch sizes, and prefill. For each the best and
 * the median of some steps, since a machine is rarely quiet; and the caller's own CPU time, which
 * other processes can't lengthen much. Not a test: run it from a shell, in tensor-core:
 *
 * <pre>
 *   mvn -q test-compile exec:exec -Dexec.executable=java -Dexec.classpathScope=test \
 *     -Dexec.args="--add-modules=jdk.incubator.vector -cp %classpath \
 *     dev.millrace.network.StepBenchmark MODEL.gguf TIER THREADS"
 * </pre>
 */
final class StepBenchmark {
  private static final int BLOCK_SIZE = 32;
  private static final int CONTEXT = 512;
  private static final int MAX_BATCH = 64;
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  private final Network network;
  private final KvPool pool;
  private final List<BlockTable> tables = new ArrayList<>();

  private StepBenchmark(Network network) {
    this.network = network;
    NetworkConfig config = network.config();
    int blocks = MAX_BATCH * CONTEXT / BLOCK_SIZE;
    pool = new KvPool(config.layers(), config.kvHeads(), config.headDim(), blocks, BLOCK_SIZE);
    for (int sequence = 0; sequence < MAX_BATCH; sequence++) {
      BlockTable table = new BlockTable();
      for (int i = 0; i < CONTEXT / BLOCK_SIZE; i++) {
        table.append(sequence * CONTEXT / BLOCK_SIZE + i);
      }
      tables.add(table);
    }
  }

  public static void main(String[] args) throws IOException {
    Kernels kernels = Tiers.choose(args[1]).kernels();
    int threads = Integer.parseInt(args[2]);
    try (ModelFile file = GgufFile.open(Path.of(args[0]));
        Team team = Team.of(threads);
        Network network =
            Network.load(file, kernels, team, new StepLimits(CONTEXT, MAX_BATCH, CONTEXT))) {
      StepBenchmark benchmark = new StepBenchmark(network);
      System.out.printf("%s, %s kernels, %d threads%n", args[0], kernels.name(), threads);
      for (int round = 0; round < 2; round++) { // the first one warms up
        benchmark.prefill(CONTEXT, round);
        for (int batch : new int[] {1, 2, 4, 8, 16, 32, 64}) {
          benchmark.decode(batch, round);
        }
      }
    }
  }

  private void prefill(int tokens, int round) {
    int[] prompt = prompt(tokens);
    List<Chunk> chunks = List.of(new Chunk(prompt, 0, tokens, 0, tables.getFirst(), 1));
    time("prefill " + tokens, chunks, tokens, 12, round);
  }

  /** One token for each of some sequences of 128 tokens. */
  private void decode(int batch, int round) {
    int position = 128;
    List<Chunk> chunks = new ArrayList<>();
    for (int i = 0; i < batch; i++) {
      chunks.add(new Chunk(prompt(1), 0, 1, position, tables.get(i), 1));
    }
    time("decode batch " + batch, chunks, batch, 1000 / (batch + 10), round);
  }

  private int[] prompt(int tokens) {
    int[] prompt = new int[tokens];
    for (int i = 0; i < tokens; i++) {
      prompt[i] = (i * 7919 + 13) % network.config().vocabulary();
    }
    return prompt;
  }

  private void time(String what, List<Chunk> chunks, int tokens, int steps, int round) {
    double[] wall = new double[steps];
    double[] cpu = new double[steps];
    long allocated = 0;
    for (int i = 0; i < steps; i++) {
      long bytes = THREADS.getCurrentThreadAllocatedBytes();
      long cpuBefore = THREADS.getCurrentThreadCpuTime();
      long before = System.nanoTime();
      network.forward(chunks, pool);
      wall[i] = System.nanoTime() - before;
      cpu[i] = THREADS.getCurrentThreadCpuTime() - cpuBefore;
      allocated = THREADS.getCurrentThreadAllocatedBytes() - bytes;
    }
    Arrays.sort(wall);
    Arrays.sort(cpu);
    if (round > 0) {
      System.out.printf(
          "%-16s tokens/s: best %.0f, median %.0f, by CPU time %.0f; last step allocated %d"
              + " bytes%n",
          what,
          tokens * 1e9 / wall[0],
          tokens * 1e9 / wall[steps / 2],
          tokens * 1e9 / cpu[steps / 2],
          allocated);
    }
  }
}
