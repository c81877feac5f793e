package dev.millrace.kernel;

import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvType;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * Prints the table of what a step does beside matrix products, whose own is {@link ProductTable}:
 * kernel and shape × tier, on one thread, by CPU time, in the shapes of the default model and of
 * Llama 3.2 1B. Attention in GMAC/s, all else in billions of numbers a second. A call that
 * allocates says how much; none must, and a vector that C2 boxes shows there first. Not a test; run
 * it from tensor-core:
 *
 * <pre>
 *   mvn -q test-compile exec:exec -Dexec.executable=java -Dexec.classpathScope=test \
 *     -Dexec.args="--add-modules=jdk.incubator.vector -cp %classpath \
 *     dev.millrace.kernel.StepKernelTable [avx512|avx2|vector|scalar ...]"
 * </pre>
 */
public final class StepKernelTable {
  private static final int CALLS_PER_LOOK_AT_THE_CLOCK = 20;
  private static final int ROWS = 32;
  private static final int BLOCK_SIZE = 32;
  private static final int VOCABULARY = 49152;

  /** Of a network. */
  private record Shape(int width, int inner, int heads, int kvHeads, int headDim) {
    static final List<Shape> ALL =
        List.of(new Shape(576, 1536, 9, 3, 64), new Shape(2048, 8192, 32, 8, 64));
  }

  private final Kernels kernels;
  private final Map<String, String> cells = new LinkedHashMap<>();
  private final Random random = new Random(1);

  private StepKernelTable(Kernels kernels) {
    this.kernels = kernels;
  }

  public static void main(String[] args) {
    Map<String, Kernels> tiers = TestTiers.named(List.of(args));
    List<Map<String, String>> columns = new ArrayList<>();
    tiers.values().forEach(kernels -> columns.add(new StepKernelTable(kernels).measure()));
    System.out.println("| kernel | " + String.join(" | ", tiers.keySet()) + " |");
    System.out.println("|---|" + "---|".repeat(tiers.size()));
    for (String kernel : columns.getFirst().keySet()) {
      List<String> line = columns.stream().map(column -> column.get(kernel)).toList();
      System.out.println("| " + kernel + " | " + String.join(" | ", line) + " |");
    }
  }

  private Map<String, String> measure() {
    try (Arena arena = Arena.ofShared()) { // as networks have it
      for (Shape shape : Shape.ALL) {
        rows(arena, shape);
        for (KvType type : KvType.values()) {
          attend(arena, shape, type, 512, 1);
          attend(arena, shape, type, 512, ROWS);
        }
      }
      vocabulary(arena);
    }
    return cells;
  }

  private void rows(Arena arena, Shape shape) {
    int columns = shape.inner;
    int count = ROWS * columns;
    MemorySegment x = floats(arena, count);
    MemorySegment y = floats(arena, count);
    MemorySegment out = floats(arena, count);
    String of = " of %d × %d".formatted(ROWS, columns);
    for (ActivationPrecision precision : ActivationPrecision.values()) {
      QuantizedRows q = kernels.quantizedRows(precision, ROWS, columns, arena);
      time("quantize to " + precision + of, count, () -> kernels.quantize(x, q, 0, ROWS));
    }
    time("rmsNorm" + of, count, () -> kernels.rmsNorm(x, y, 1e-5f, out, columns, 0, ROWS));
    time("swiglu" + of, count, () -> kernels.swiglu(x, y, out, 0, count));
    time("add" + of, count, () -> kernels.add(out, y, 0, count));

    int heads = shape.heads;
    int headDim = shape.headDim;
    int width = shape.width;
    int[] positions = IntStream.range(0, ROWS).toArray();
    time(
        "rope of %d × %d heads of %d".formatted(ROWS, heads, headDim),
        ROWS * width,
        () -> kernels.rope(out, width, heads, headDim, y, positions, 0, ROWS));
    MemorySegment file = arena.allocate(ElementType.Q4_1.bytes(100L * width));
    Weights table = kernels.pack(ElementType.Q4_1, file, 100, width, arena);
    time("lookup of Q4_1, " + width, width, () -> kernels.lookup(table, 77, out, 0));
  }

  private void attend(Arena arena, Shape shape, KvType type, int length, int rows) {
    int headDim = shape.headDim;
    int heads = shape.heads;
    int[] blocks = IntStream.range(0, Math.ceilDiv(length, BLOCK_SIZE)).toArray();
    KvLayer layer = cache(arena, shape, type, blocks.length);
    MemorySegment q = floats(arena, rows * heads * headDim);
    long qRow = (long) heads * headDim * Float.BYTES;
    int stateFloats = heads * Kernels.attentionStateFloats(headDim);
    MemorySegment state = floats(arena, rows * stateFloats);
    long stateRow = (long) stateFloats * Float.BYTES;
    int first = length - rows + 1;
    int sharing = heads / shape.kvHeads;
    String cache = "%s, %d × %d".formatted(type, shape.kvHeads, headDim);
    time(
        "attend of %d rows × %d heads over %d of %s".formatted(rows, sharing, length, cache),
        rows * (double) (first + length) * headDim * sharing,
        () ->
            kernels.attend(
                q, 0, qRow, rows, heads, 0.125f, layer, blocks, 1, first, 0, state, 0, stateRow));
    if (rows > 1) {
      return;
    }
    time(
        "storeKv in " + cache,
        2.0 * shape.kvHeads * headDim,
        () -> kernels.storeKv(layer, 0, 7, q, 0, q, 0));
    if (type == KvType.F32) {
      time(
          "mergeSegments of %d heads of %d".formatted(heads, headDim),
          (double) heads * headDim,
          () -> kernels.mergeSegments(state, 0, 0, 1, heads, headDim, q, 0));
    }
  }

  private KvLayer cache(Arena arena, Shape shape, KvType type, int blocks) {
    int count = blocks * shape.kvHeads * shape.headDim * BLOCK_SIZE;
    long bytes = (long) count * type.bytes();
    MemorySegment keys = arena.allocate(bytes, 64);
    MemorySegment values = arena.allocate(bytes, 64);
    KvLayer layer = new KvLayer(keys, values, shape.kvHeads, shape.headDim, BLOCK_SIZE, type);
    for (long at = 0; at < bytes; at += type.bytes()) {
      layer.set(keys, at, (float) random.nextGaussian());
      layer.set(values, at, (float) random.nextGaussian());
    }
    return layer;
  }

  private void vocabulary(Arena arena) {
    int n = VOCABULARY;
    MemorySegment x = floats(arena, n);
    MemorySegment weights = floats(arena, n);
    int[] found = new int[n];
    float[] sum = new float[1];
    float[] thresholds = {0, 1, 2, 3};
    float[] sums = new float[Kernels.THRESHOLDS];
    int segment = Kernels.VOCABULARY_SEGMENT;
    time("argmax of " + n, n, () -> found[0] = kernels.argmax(x, 0, n));
    time("exp of " + n, n, () -> sum[0] = kernels.exp(x, 0, n, 3, 1.5f, weights, 0));
    time(
        "sumsFrom of " + segment,
        segment,
        () -> kernels.sumsFrom(x, 0, weights, 0, segment, thresholds, sums));
    time("select of " + n, n, () -> found[0] = kernels.select(x, 0, n, 3, 9, found));
    long[] chosen = random.longs(Math.ceilDiv(n, Long.SIZE)).toArray();
    time("choose of " + n, n, () -> kernels.choose(x, 0, n, chosen, -1, weights, 0));
  }

  private void time(String what, double work, Runnable call) {
    int calls = kernels instanceof ScalarKernels ? 1 : CALLS_PER_LOOK_AT_THE_CLOCK;
    CpuTime.Measured measured = CpuTime.of(call, calls, CpuTime.WARM_UP_NANOS);
    String speed = "%.2f".formatted(work / measured.nanos());
    long allocated = measured.allocated();
    cells.put(what, allocated == 0 ? speed : speed + " (%d bytes allocated)".formatted(allocated));
  }

  private MemorySegment floats(Arena arena, int count) {
    MemorySegment floats = arena.allocate(ValueLayout.JAVA_FLOAT, count);
    for (int i = 0; i < count; i++) {
      floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return floats;
  }
}
