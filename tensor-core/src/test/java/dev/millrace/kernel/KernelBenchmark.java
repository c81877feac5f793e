package dev.millrace.kernel;

import com.sun.management.ThreadMXBean;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvType;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.management.ManagementFactory;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Times each kernel alone, on one thread, by CPU time, in shapes of the default model. The column
 * of allocated bytes must be 0 throughout: a vector that C2 boxes shows there first. Not a test;
 * run it from tensor-core:
 *
 * <pre>
 *   mvn -q test-compile exec:exec -Dexec.executable=java -Dexec.classpathScope=test \
 *     -Dexec.args="--add-modules=jdk.incubator.vector -cp %classpath \
 *     dev.millrace.kernel.KernelBenchmark TIER FILTER ISA"
 * </pre>
 */
public final class KernelBenchmark {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();
  private static final long ROUND_NANOS = 150_000_000;
  private static final int CALLS_PER_LOOK_AT_THE_CLOCK = 20;
  private static final int HEADS = 9;
  private static final int KV_HEADS = 3;
  private static final int HEAD_DIM = 64;

  private final Kernels kernels;
  private final Arena arena = Arena.ofShared(); // as networks have it
  private final Random random = new Random(1);
  private final String filter;

  private KernelBenchmark(Kernels kernels, String filter) {
    this.kernels = kernels;
    this.filter = filter;
  }

  public static void main(String[] args) {
    KernelBenchmark benchmark =
        new KernelBenchmark(
            Tiers.choose(args[0], args.length > 2 ? args[2] : Tiers.AUTO).kernels(),
            args.length > 1 ? args[1] : "");
    for (ElementType type : ElementType.values()) {
      for (ActivationPrecision precision : ActivationPrecision.values()) {
        if (type.isQuantized() || precision == ActivationPrecision.INT8) {
          for (int rows : new int[] {1, 4, 8, 32, 256}) {
            benchmark.multiply(type, precision, 1536, 576, rows);
          }
          for (int rows : new int[] {1, 8, 32}) {
            benchmark.multiply(type, precision, 4096, 4096, rows);
          }
        }
      }
    }
    benchmark.rows();
    for (int length : new int[] {16, 128, 512}) {
      benchmark.attend(length);
    }
    benchmark.vocabulary();
  }

  private void multiply(
      ElementType type, ActivationPrecision precision, int outputs, int columns, int rows) {
    MemorySegment file = arena.allocate(type.bytes((long) outputs * columns), 64);
    Weights w = kernels.pack(type, file, outputs, columns, arena);
    MemorySegment x = floats(rows * columns);
    QuantizedRows q =
        type.isQuantized() ? kernels.quantizedRows(precision, rows, columns, arena) : null;
    MemorySegment y = floats(rows * outputs);
    if (q != null) {
      kernels.quantize(x, q, 0, rows);
    }
    time(
        "multiply %s%s [%d, %d] x %d rows"
            .formatted(type, type.isQuantized() ? " " + precision : "", outputs, columns, rows),
        "GMAC/s",
        (double) outputs * columns * rows,
        () -> kernels.multiply(w, x, q, rows, y, outputs, 0, outputs));
  }

  private void rows() {
    int rows = 32;
    int columns = 1536;
    int count = rows * columns;
    MemorySegment x = floats(count);
    MemorySegment y = floats(count);
    MemorySegment out = floats(count);
    QuantizedRows q = kernels.quantizedRows(ActivationPrecision.INT8, rows, columns, arena);
    String unit = "Gvalues/s";
    time("quantize", unit, count, () -> kernels.quantize(x, q, 0, rows));
    time("rmsNorm", unit, count, () -> kernels.rmsNorm(x, y, 1e-5f, out, columns, 0, rows));
    time("swiglu", unit, count, () -> kernels.swiglu(x, y, out, 0, count));
    time("add", unit, count, () -> kernels.add(out, y, 0, count));
    int[] positions = IntStream.range(0, rows).toArray();
    time(
        "rope",
        unit,
        rows * 576,
        () -> kernels.rope(out, 576, HEADS, HEAD_DIM, y, positions, 0, rows));
    MemorySegment file = arena.allocate(ElementType.Q4_1.bytes(100 * 576));
    Weights table = kernels.pack(ElementType.Q4_1, file, 100, 576, arena);
    time("lookup", unit, 576, () -> kernels.lookup(table, 77, out, 0));
  }

  private void attend(int length) {
    int blockSize = 32;
    int maxRows = 16;
    int[] blocks = IntStream.range(0, Math.ceilDiv(length, blockSize)).toArray();
    int poolFloats = blocks.length * KV_HEADS * HEAD_DIM * blockSize;
    KvLayer layer =
        new KvLayer(
            floats(poolFloats), floats(poolFloats), KV_HEADS, HEAD_DIM, blockSize, KvType.F32);
    MemorySegment q = floats(maxRows * HEADS * HEAD_DIM);
    long qRow = HEADS * HEAD_DIM * 4L;
    int stateFloats = HEADS * Kernels.attentionStateFloats(HEAD_DIM);
    MemorySegment state = floats(maxRows * stateFloats);
    for (int rows : new int[] {1, maxRows}) {
      int first = length - rows + 1;
      time(
          "attend of %d rows over %d".formatted(rows, length),
          "GMAC/s",
          2.0 * rows * (first + length) / 2 * HEAD_DIM * (HEADS / KV_HEADS),
          () ->
              kernels.attend(
                  q,
                  0,
                  qRow,
                  rows,
                  HEADS,
                  0.125f,
                  layer,
                  blocks,
                  1,
                  first,
                  0,
                  state,
                  0,
                  stateFloats * 4L));
    }
    time(
        "mergeSegments",
        "Gvalues/s",
        HEADS * HEAD_DIM,
        () -> kernels.mergeSegments(state, 0, 0, 1, HEADS, HEAD_DIM, q, 0));
    time(
        "storeKv",
        "Gvalues/s",
        2.0 * KV_HEADS * HEAD_DIM,
        () -> kernels.storeKv(layer, 0, length % blockSize, q, 0, q, 0));
  }

  private void vocabulary() {
    int n = 49152;
    MemorySegment x = floats(n);
    MemorySegment weights = floats(n);
    int[] found = new int[n];
    float[] sum = new float[1];
    float[] thresholds = {0, 1, 2, 3};
    float[] sums = new float[4];
    time("argmax", "Gvalues/s", n, () -> found[0] = kernels.argmax(x, 0, n));
    time("exp", "Gvalues/s", n, () -> sum[0] = kernels.exp(x, 0, n, 3, 1.5f, weights, 0));
    int segment = Kernels.VOCABULARY_SEGMENT;
    time(
        "sumsFrom",
        "Gvalues/s",
        segment,
        () -> kernels.sumsFrom(x, 0, weights, 0, segment, thresholds, sums));
    time("select", "Gvalues/s", n, () -> found[0] = kernels.select(x, 0, n, 3, 9, found));
  }

  private void time(String what, String unit, double work, Runnable call) {
    if (!what.contains(filter)) {
      return;
    }
    double best = 0;
    long allocated = 0;
    for (int round = 0; round < 4; round++) {
      long bytes = THREADS.getCurrentThreadAllocatedBytes();
      long start = THREADS.getCurrentThreadCpuTime();
      long calls = 0;
      long nanos;
      do {
        for (int i = 0; i < CALLS_PER_LOOK_AT_THE_CLOCK; i++) {
          call.run();
        }
        calls += CALLS_PER_LOOK_AT_THE_CLOCK;
        nanos = THREADS.getCurrentThreadCpuTime() - start;
      } while (nanos < ROUND_NANOS);
      allocated = (THREADS.getCurrentThreadAllocatedBytes() - bytes) / calls;
      best = Math.max(best, work * calls / nanos);
    }
    System.out.printf("%-40s %8.2f %s, %d bytes allocated a call%n", what, best, unit, allocated);
  }

  private MemorySegment floats(int count) {
    MemorySegment floats = arena.allocate(ValueLayout.JAVA_FLOAT, count);
    for (int i = 0; i < count; i++) {
      floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return floats;
  }
}
