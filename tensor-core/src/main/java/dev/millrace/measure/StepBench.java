package dev.millrace.measure;

import dev.millrace.kernel.Team;
import dev.millrace.kv.KvLayer;
import dev.millrace.model.ModelFile;
import dev.millrace.network.Chunk;
import dev.millrace.network.NetworkMemory;
import dev.millrace.network.StepLimits;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.IntConsumer;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/**
 * Times steps of a network as llama-bench and llama-batched-bench do: the prefill of a prompt, in
 * chunks; and decoding of some sequences that have a context already. Nothing is sampled.
 */
public final class StepBench implements AutoCloseable {
  /** Rows of a prefill step, at most: the server's default. */
  public static final int CHUNK_TOKENS = 512;

  /** Steps of a repetition of decoding, at most: the context grows by as much meanwhile. */
  public static final int MAX_STEPS = 128;

  private static final long REPETITION_NANOS = 200_000_000;

  /** A byte that makes small finite numbers in every type that keys and values are kept in. */
  private static final byte CONTEXT_FILL = 0x3C;

  private final Workbench workbench;
  private final StepWork work;
  private final Runnable warm;
  private final RandomGenerator random = RandomGeneratorFactory.getDefault().create(1);

  /** Which steps. */
  public enum Phase {
    PREFILL,
    DECODE
  }

  /**
   * How much to do for a figure.
   *
   * @param repetitions whose median counts; each lasts 0.2 s or more, or one step
   * @param warmUpNanos before the first of them, at least one step
   */
  public record Effort(int repetitions, long warmUpNanos) {}

  /**
   * What was measured.
   *
   * @param promptTokens that were prefilled; 0 in decoding
   * @param contextTokens that were there before
   * @param tokensPerSecond the median of the repetitions'
   * @param slowest of the repetitions, tokens a second
   * @param macsPerSecond multiply-adds, attention's among them
   * @param bytesPerSecond of weights, keys and values, each counted once a step
   * @param meanSeconds of a step, or of a whole prompt
   * @param runs how many of these there were, warm-up apart
   */
  public record Result(
      Phase phase,
      int batch,
      int promptTokens,
      int contextTokens,
      double tokensPerSecond,
      double slowest,
      double fastest,
      double macsPerSecond,
      double bytesPerSecond,
      double meanSeconds,
      int runs) {}

  /**
   * Loads the model, with room for what is to be measured.
   *
   * @param maxBatch sequences that are decoded together, at most
   * @param maxPrompt tokens of a prompt, at most; 0 is none
   * @param maxContext tokens that sequences have when decoding begins, at most
   * @param warm is told when a measurement's warm-up is over
   * @throws IllegalArgumentException if that is more than the model's context or the machine's
   *     memory
   */
  public StepBench(
      ModelFile file, Setup setup, int maxBatch, int maxPrompt, int maxContext, Runnable warm) {
    this.warm = warm;
    work = StepWork.of(file, setup.kvType());
    int rows = Math.max(maxBatch, Math.min(maxPrompt, CHUNK_TOKENS));
    int context = Math.max(maxPrompt, maxContext + MAX_STEPS);
    workbench = new Workbench(file, setup, new StepLimits(rows, maxBatch, context), maxBatch);
    for (int i = 0; i < workbench.network().config().layers(); i++) {
      KvLayer layer = workbench.pool().layer(i);
      layer.k().fill(CONTEXT_FILL);
      layer.v().fill(CONTEXT_FILL);
    }
  }

  /** What the model takes, for reports. */
  public NetworkMemory memory() {
    return workbench.network().memory();
  }

  /** Bytes of the cache that was made for this. */
  public long kvBytes() {
    return work.bytesPerPosition() * workbench.pool().blocks() * workbench.pool().blockSize();
  }

  /** Whether products are of integers. */
  public boolean quantized() {
    return work.quantized();
  }

  public Team team() {
    return workbench.team();
  }

  /** Prefills one prompt. */
  public Result prefill(int promptTokens, Effort effort) {
    int[] prompt = tokens(promptTokens);
    List<List<Chunk>> steps = new ArrayList<>();
    long positions = 0;
    for (int from = 0; from < promptTokens; from += CHUNK_TOKENS) {
      int count = Math.min(CHUNK_TOKENS, promptTokens - from);
      boolean last = from + count == promptTokens;
      positions += from + count;
      steps.add(List.of(new Chunk(prompt, from, count, from, workbench.sequence(0), last ? 1 : 0)));
    }
    double macs = work.macs(promptTokens, 1, (long) promptTokens * (promptTokens + 1) / 2);
    double bytes = work.bytes(0) * (steps.size() - 1) + work.bytes(positions);
    return time(effort, _ -> steps.forEach(workbench::forward))
        .result(Phase.PREFILL, 1, promptTokens, 0, promptTokens, macs, bytes);
  }

  /** Decodes a token for each of some sequences, again and again. */
  public Result decode(int batch, int contextTokens, Effort effort) {
    List<List<Chunk>> steps = new ArrayList<>();
    for (int i = 0; i < MAX_STEPS; i++) {
      List<Chunk> step = new ArrayList<>();
      for (int sequence = 0; sequence < batch; sequence++) {
        step.add(new Chunk(tokens(1), 0, 1, contextTokens + i, workbench.sequence(sequence), 1));
      }
      steps.add(step);
    }
    long positions = (long) batch * (contextTokens + 1);
    double macs = work.macs(batch, batch, positions);
    double bytes = work.bytes(positions);
    return time(effort, run -> workbench.forward(steps.get(run % MAX_STEPS)))
        .result(Phase.DECODE, batch, 0, contextTokens, batch, macs, bytes);
  }

  /**
   * Times some work. A repetition begins anew at index 0 and goes on until it has lasted long
   * enough to be timed, at most {@link #MAX_STEPS} times.
   */
  private Times time(Effort effort, IntConsumer work) {
    long begun = System.nanoTime();
    int runs = 0;
    while (runs == 0 || System.nanoTime() - begun < effort.warmUpNanos) {
      work.accept(runs++);
    }
    long one = (System.nanoTime() - begun) / runs;
    int inRepetition = Math.clamp(REPETITION_NANOS / one, 1, MAX_STEPS);
    warm.run();
    double[] seconds = new double[effort.repetitions];
    for (int repetition = 0; repetition < seconds.length; repetition++) {
      long start = System.nanoTime();
      for (int i = 0; i < inRepetition; i++) {
        work.accept(i);
      }
      seconds[repetition] = (System.nanoTime() - start) / 1e9 / inRepetition;
    }
    Arrays.sort(seconds);
    return new Times(seconds, seconds.length * inRepetition);
  }

  /**
   * @param seconds of a run, by repetition, ascending
   * @param runs in all repetitions together
   */
  private record Times(double[] seconds, int runs) {
    /**
     * @param promptTokens 0 when decoding
     * @param tokens that come of a run
     */
    Result result(
        Phase phase,
        int batch,
        int promptTokens,
        int contextTokens,
        int tokens,
        double macs,
        double bytes) {
      double median = seconds[seconds.length / 2];
      return new Result(
          phase,
          batch,
          promptTokens,
          contextTokens,
          tokens / median,
          tokens / seconds[seconds.length - 1],
          tokens / seconds[0],
          macs / median,
          bytes / median,
          Arrays.stream(seconds).average().orElseThrow(),
          runs);
    }
  }

  /** Random ids: which they are hardly matters, but embeddings shouldn't all lie in cache. */
  private int[] tokens(int count) {
    return random.ints(count, 0, workbench.network().config().vocabulary()).toArray();
  }

  @Override
  public void close() {
    workbench.close();
  }
}
