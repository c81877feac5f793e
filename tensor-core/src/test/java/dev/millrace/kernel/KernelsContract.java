package dev.millrace.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvType;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * What a tier owes the scalar one: equal bits for every kernel, format and shape, however calls
 * split the work. NaNs are equal whatever their payload. Plain methods rather than tests, since one
 * JVM has one vector width: other JVMs run them through {@link #check}.
 */
public final class KernelsContract {
  /** Shapes of weights [rows, columns] for plain types: whole, ragged, tiny. */
  private static final int[][] PLAIN_SHAPES = {{1, 1}, {16, 33}, {37, 161}, {64, 300}, {111, 128}};

  /** For quantized types: columns are whole blocks. */
  private static final int[][] BLOCK_SHAPES = {{1, 32}, {15, 64}, {37, 160}, {96, 576}, {33, 128}};

  /** For types with blocks of 256. */
  private static final int[][] LARGE_BLOCK_SHAPES = {{1, 256}, {37, 512}, {96, 768}};

  private static final int[] ROWS = {1, 2, 3, 4, 5, 7, 8};

  /** More than any tier takes at once; with one shape of each kind. */
  private static final int MANY_ROWS = 131;

  private final Kernels scalar = new ScalarKernels();
  private final Kernels tested;
  private final Random random = new Random(4711);

  public KernelsContract(Kernels tested) {
    this.tested = tested;
  }

  /** All of it. */
  public void check() {
    quantizeAndMultiply();
    multiplyTheLargestValues();
    aNonFiniteRowSpoilsNoOther();
    lookup();
    rmsNorm();
    rope();
    swigluAndAdd();
    attention();
    vocabularyScans();
  }

  /** Weights of a format, and what activations are rounded to for them. */
  private record Operands(ElementType type, ActivationPrecision precision) {
    static List<Operands> all() {
      List<Operands> all = new ArrayList<>();
      for (ElementType type : ElementType.values()) {
        all.add(new Operands(type, ActivationPrecision.INT8));
        if (type.isQuantized()) {
          all.add(new Operands(type, ActivationPrecision.INT16));
        }
      }
      return all;
    }
  }

  public void quantizeAndMultiply() {
    for (Operands operands : Operands.all()) {
      for (boolean adversarial : new boolean[] {false, true}) {
        for (int[] shape : shapes(operands.type)) {
          for (int rows : ROWS) {
            multiply(operands, shape[0], shape[1], rows, adversarial);
          }
        }
        multiply(operands, 37, 2 * columns(operands.type), MANY_ROWS, adversarial);
      }
    }
  }

  /**
   * Blocks of one value, the lowest or highest that a format stores, times the largest rounded
   * ones.
   */
  public void multiplyTheLargestValues() {
    for (Operands operands : Operands.all()) {
      ElementType type = operands.type;
      int outputs = 20;
      int rows = 3;
      int columns = Math.max(64, type.blockSize());
      for (int fill : new int[] {0x00, 0x7F, 0x80, 0xFF}) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment file = arena.allocate(type.bytes((long) outputs * columns));
          file.fill((byte) fill);
          for (long at = 0; at < file.byteSize(); at += type.blockBytes()) {
            setOrdinaryScales(type, file, at);
          }
          MemorySegment x = arena.allocate(ValueLayout.JAVA_FLOAT, (long) rows * columns);
          for (int i = 0; i < rows * columns; i++) { // all ones, all −1, and both in turn
            int row = i / columns;
            float value = row == 0 || row == 2 && i % 2 == 0 ? 1 : -1;
            x.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
          }
          for (int count : new int[] {1, rows}) { // a single row may have code of its own
            assertSame(
                "%s, bytes of %02x, %d rows".formatted(operands, fill, count),
                product(tested, arena, operands, file, x, outputs, columns, count, outputs),
                product(scalar, arena, operands, file, x, outputs, columns, count, outputs));
          }
        }
      }
    }
  }

  private static int[][] shapes(ElementType type) {
    return switch (type.blockSize()) {
      case 1 -> PLAIN_SHAPES;
      case 32 -> BLOCK_SHAPES;
      default -> LARGE_BLOCK_SHAPES;
    };
  }

  /** A few blocks, or columns that no vector divides. */
  private static int columns(ElementType type) {
    return switch (type.blockSize()) {
      case 1 -> 37;
      case 32 -> 96;
      default -> 512;
    };
  }

  /** Products with 1, 2, ... rows, for tiers whose code differs with it; not part of all. */
  public void multiplyEveryNumberOfRows(int most) {
    for (Operands operands : Operands.all()) {
      int columns = columns(operands.type);
      for (int rows = 1; rows <= most; rows++) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment x = floats(arena, rows * columns, false);
          if (rows > 2) { // a row of zeros, and one that isn't finite
            x.asSlice(0, (long) columns * Float.BYTES).fill((byte) 0);
            x.setAtIndex(ValueLayout.JAVA_FLOAT, columns + random.nextInt(columns), Float.NaN);
          }
          multiply(arena, operands, x, 53, columns, rows, false);
        }
      }
    }
  }

  private void multiply(
      Operands operands, int outputs, int columns, int rows, boolean adversarial) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment x = floats(arena, rows * columns, adversarial);
      multiply(arena, operands, x, outputs, columns, rows, adversarial);
    }
  }

  private void multiply(
      Arena arena,
      Operands operands,
      MemorySegment x,
      int outputs,
      int columns,
      int rows,
      boolean adversarial) {
    MemorySegment file = weights(arena, operands.type, (long) outputs * columns, adversarial);
    String what = "%s [%d, %d] x %d rows".formatted(operands, outputs, columns, rows);
    float[] expected = product(scalar, arena, operands, file, x, outputs, columns, rows, outputs);
    assertSame(
        what, product(tested, arena, operands, file, x, outputs, columns, rows, outputs), expected);
    assertSame(
        what + ", split",
        product(tested, arena, operands, file, x, outputs, columns, rows, Kernels.ROW_GROUP),
        expected);
  }

  /** x·wᵀ with outputs in pieces of {@code piece}, into rows that are wider than the outputs. */
  private float[] product(
      Kernels kernels,
      Arena arena,
      Operands operands,
      MemorySegment file,
      MemorySegment x,
      int outputs,
      int columns,
      int rows,
      int piece) {
    ElementType type = operands.type;
    Weights w = kernels.pack(type, file, outputs, columns, arena);
    assertThat(w.type()).isEqualTo(type);
    assertThat(w.rows()).isEqualTo(outputs);
    assertThat(w.columns()).isEqualTo(columns);
    QuantizedRows q =
        type.isQuantized() ? kernels.quantizedRows(operands.precision, rows, columns, arena) : null;
    for (int row = 0; q != null && row < rows; row += 3) {
      int split = columns / 64 * 32;
      kernels.quantize(x, q, row, Math.min(rows, row + 3), 0, split);
      kernels.quantize(x, q, row, Math.min(rows, row + 3), split, columns);
    }
    int stride = outputs + 5;
    MemorySegment y = arena.allocate(ValueLayout.JAVA_FLOAT, (long) rows * stride);
    for (int i = 0; i < rows * stride; i++) {
      y.setAtIndex(ValueLayout.JAVA_FLOAT, i, -7);
    }
    for (int from = 0; from < outputs; from += piece) {
      kernels.multiply(w, x, q, rows, y, stride, from, Math.min(outputs, from + piece));
    }
    return toArray(y);
  }

  public void aNonFiniteRowSpoilsNoOther() {
    for (Operands operands : Operands.all()) {
      try (Arena arena = Arena.ofConfined()) {
        int outputs = 48;
        int columns = operands.type.isQuantized() ? columns(operands.type) : 96;
        int rows = 5;
        MemorySegment file = weights(arena, operands.type, (long) outputs * columns, false);
        MemorySegment x = floats(arena, rows * columns, false);
        float[] clean = product(tested, arena, operands, file, x, outputs, columns, rows, outputs);
        x.setAtIndex(ValueLayout.JAVA_FLOAT, 2 * columns + 40, Float.NaN);
        x.setAtIndex(ValueLayout.JAVA_FLOAT, 3 * columns + 1, Float.NEGATIVE_INFINITY);
        float[] spoiled =
            product(tested, arena, operands, file, x, outputs, columns, rows, outputs);
        int stride = outputs + 5;
        for (int row = 0; row < rows; row++) {
          float[] now = Arrays.copyOfRange(spoiled, row * stride, row * stride + outputs);
          if (row == 2 || row == 3) {
            for (float value : now) {
              assertThat(Float.isFinite(value)).as("%s row %d", operands, row).isFalse();
            }
          } else {
            float[] before = Arrays.copyOfRange(clean, row * stride, row * stride + outputs);
            assertSame(operands + " row " + row, now, before);
          }
        }
      }
    }
  }

  public void lookup() {
    for (ElementType type : ElementType.values()) {
      for (int[] shape : shapes(type)) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment file = weights(arena, type, (long) shape[0] * shape[1], true);
          Weights expected = scalar.pack(type, file, shape[0], shape[1], arena);
          Weights packed = tested.pack(type, file, shape[0], shape[1], arena);
          for (int row = 0; row < shape[0]; row++) {
            MemorySegment a = arena.allocate(ValueLayout.JAVA_FLOAT, shape[1] + 3);
            MemorySegment b = arena.allocate(ValueLayout.JAVA_FLOAT, shape[1] + 3);
            scalar.lookup(expected, row, a, 8);
            tested.lookup(packed, row, b, 8);
            assertSame(type + " row " + row, toArray(b), toArray(a));
          }
        }
      }
    }
  }

  public void rmsNorm() {
    for (int columns : new int[] {1, 3, 15, 16, 31, 64, 100, 576}) {
      for (boolean adversarial : new boolean[] {false, true}) {
        int rows = 3;
        forBoth(
            "rmsNorm of " + columns,
            (kernels, arena, again) -> {
              MemorySegment x = floats(again, arena, rows * columns, adversarial);
              MemorySegment weight = floats(again, arena, columns, adversarial);
              MemorySegment y = arena.allocate(ValueLayout.JAVA_FLOAT, (long) rows * columns);
              kernels.rmsNorm(x, weight, 1e-5f, y, columns, 0, 1);
              kernels.rmsNorm(x, weight, 1e-5f, y, columns, 1, rows);
              return y;
            });
      }
    }
  }

  public void rope() {
    for (int headDim : new int[] {2, 6, 16, 30, 64, 100, 128}) {
      for (boolean adversarial : new boolean[] {false, true}) {
        int heads = 3;
        int stride = heads * headDim + 4;
        forBoth(
            "rope of " + headDim,
            (kernels, arena, again) -> {
              MemorySegment x = floats(again, arena, 4 * stride, adversarial);
              MemorySegment cosSin = floats(again, arena, 10 * headDim, false);
              int[] positions = {9, 0, 3, 3};
              kernels.rope(x, stride, heads, headDim, cosSin, positions, 0, 3);
              kernels.rope(x, stride, heads, headDim, cosSin, positions, 3, 4);
              return x;
            });
      }
    }
  }

  public void swigluAndAdd() {
    for (int n : new int[] {1, 5, 16, 33, 1000}) {
      for (boolean adversarial : new boolean[] {false, true}) {
        forBoth(
            "swiglu of " + n,
            (kernels, arena, again) -> {
              MemorySegment gate = floats(again, arena, n, adversarial);
              MemorySegment up = floats(again, arena, n, adversarial);
              kernels.swiglu(gate, up, gate, 0, n / 3);
              kernels.swiglu(gate, up, gate, n / 3, n);
              return gate;
            });
        forBoth(
            "add of " + n,
            (kernels, arena, again) -> {
              MemorySegment x = floats(again, arena, n, adversarial);
              MemorySegment y = floats(again, arena, n, adversarial);
              kernels.add(x, y, 0, n / 3);
              kernels.add(x, y, n / 3, n);
              return x;
            });
      }
    }
    forBoth(
        "silu of a sweep through all magnitudes",
        (kernels, arena, again) -> {
          int n = 1 << 16;
          MemorySegment gate = arena.allocate(ValueLayout.JAVA_INT, n);
          MemorySegment up = arena.allocate(ValueLayout.JAVA_FLOAT, n);
          for (int i = 0; i < n; i++) {
            gate.setAtIndex(ValueLayout.JAVA_INT, i, i << 16 | again.nextInt(1 << 16));
            up.setAtIndex(ValueLayout.JAVA_FLOAT, i, 1);
          }
          kernels.swiglu(gate, up, gate, 0, n);
          return gate;
        });
  }

  public void attention() {
    AttentionShape[] shapes = {
      new AttentionShape(9, 3, 64, 16, KvType.F32),
      new AttentionShape(9, 3, 64, 32, KvType.F16),
      new AttentionShape(8, 1, 128, 32, KvType.F16),
      new AttentionShape(4, 4, 96, 16, KvType.F16),
      new AttentionShape(3, 1, 100, 48, KvType.F16),
      new AttentionShape(4, 4, 32, 64, KvType.F32),
      new AttentionShape(8, 1, 80, 48, KvType.F32),
      new AttentionShape(2, 1, 100, 16, KvType.F32),
      new AttentionShape(5, 1, 6, 32, KvType.F32),
      new AttentionShape(7, 1, 256, 32, KvType.F32)
    };
    for (AttentionShape shape : shapes) {
      for (int length : new int[] {1, 4, 16, 17, 31, 32, 33, 47, 200, 512, 513, 1100}) {
        for (boolean adversarial : new boolean[] {false, true}) {
          int rows = Math.min(1 + random.nextInt(9), 513 - length % 512); // all in one segment
          forBoth(
              "attention of %s over %d, %d rows".formatted(shape, length, rows),
              (kernels, arena, again) -> {
                boolean rowByRow = kernels.equals(tested) && length % 2 == 0;
                return attend(kernels, arena, again, shape, length, rows, rowByRow, adversarial);
              });
        }
      }
    }
  }

  private record AttentionShape(int heads, int kvHeads, int headDim, int blockSize, KvType type) {}

  /** Outputs of all heads; the pool is full of NaNs wherever no row must look. */
  private MemorySegment attend(
      Kernels kernels,
      Arena arena,
      Random again,
      AttentionShape shape,
      int length,
      int rows,
      boolean rowByRow,
      boolean adversarial) {
    int heads = shape.heads;
    int headDim = shape.headDim;
    int positions = length + rows - 1;
    int[] blocks = new int[Math.ceilDiv(positions, shape.blockSize)];
    KvLayer layer = cache(kernels, arena, again, shape, positions, blocks, adversarial);
    int segments = Math.ceilDiv(length, Kernels.ATTENTION_SEGMENT);
    long qRowBytes = (heads * headDim + 2) * 4L;
    MemorySegment q = floats(again, arena, rows * (heads * headDim + 2) + 2, adversarial);
    long stateBytes = Kernels.attentionStateFloats(headDim) * 4L;
    long stateRowBytes = stateBytes * heads * segments;
    MemorySegment state = arena.allocate(rows * stateRowBytes, 64);
    MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT, (long) rows * heads * headDim);
    float scale = (float) (1 / Math.sqrt(headDim));
    int atOnce = rowByRow ? 1 : rows;
    for (int row = 0; row < rows; row += atOnce) {
      for (int kvHead = 0; kvHead < shape.kvHeads; kvHead++) {
        for (int segment = 0; segment < segments; segment++) {
          int head = kvHead * (heads / shape.kvHeads);
          kernels.attend(
              q,
              8 + row * qRowBytes,
              qRowBytes,
              atOnce,
              heads,
              scale,
              layer,
              blocks,
              kvHead,
              length + row,
              segment,
              state,
              row * stateRowBytes + heads * stateBytes * segment + head * stateBytes,
              stateRowBytes);
        }
      }
    }
    for (int row = 0; row < rows; row++) {
      long to = (long) row * heads * headDim * Float.BYTES;
      kernels.mergeSegments(
          state, row * stateRowBytes, heads * stateBytes, segments, heads, headDim, out, to);
    }
    if (!adversarial) {
      for (float value : toArray(out)) {
        assertThat(value).isFinite();
      }
    }
    return out;
  }

  /** Keys and values of all positions, in blocks that are chosen at random. */
  private static KvLayer cache(
      Kernels kernels,
      Arena arena,
      Random again,
      AttentionShape shape,
      int positions,
      int[] blocks,
      boolean adversarial) {
    int width = shape.kvHeads * shape.headDim;
    int poolBlocks = blocks.length + 2;
    long poolBytes = (long) poolBlocks * width * shape.blockSize * shape.type.bytes();
    MemorySegment keys = arena.allocate(poolBytes, 64);
    MemorySegment values = arena.allocate(poolBytes, 64);
    keys.fill((byte) -1); // NaN in every type
    values.fill((byte) -1);
    KvLayer layer =
        new KvLayer(keys, values, shape.kvHeads, shape.headDim, shape.blockSize, shape.type);
    List<Integer> shuffled = new ArrayList<>(IntStream.range(0, poolBlocks).boxed().toList());
    Collections.shuffle(shuffled, again);
    Arrays.setAll(blocks, shuffled::get);
    MemorySegment k = floats(again, arena, positions * width, adversarial);
    MemorySegment v = floats(again, arena, positions * width, adversarial);
    for (int i = 0; i < positions; i++) {
      long row = (long) i * width * Float.BYTES;
      int block = blocks[i / shape.blockSize];
      kernels.storeKv(layer, block, i % shape.blockSize, k, row, v, row);
    }
    return layer;
  }

  public void vocabularyScans() {
    for (int n : new int[] {1, 7, 16, 100, 4096, 4099, 50_000}) {
      for (boolean adversarial : new boolean[] {false, true}) {
        try (Arena arena = Arena.ofConfined()) {
          MemorySegment x = floats(arena, n + 1, adversarial);
          assertSameScans(x, n);
          x.setAtIndex(ValueLayout.JAVA_FLOAT, 1 + random.nextInt(n), Float.NaN);
          assertSameScans(x, n);
        }
      }
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment ties = arena.allocate(ValueLayout.JAVA_FLOAT, n + 1L);
        assertSameScans(ties, n);
        ties.setAtIndex(ValueLayout.JAVA_FLOAT, n, 3);
        ties.setAtIndex(ValueLayout.JAVA_FLOAT, 1 + n / 2, 3);
        assertThat(tested.argmax(ties, 4, n)).isEqualTo(n / 2);
      }
    }
    try (Arena arena = Arena.ofConfined()) {
      assertThat(tested.argmax(arena.allocate(4), 4, 0)).isEqualTo(-1);
    }
  }

  private void assertSameScans(MemorySegment x, int n) {
    assertThat(tested.argmax(x, 4, n)).isEqualTo(scalar.argmax(x, 4, n));
    try (Arena arena = Arena.ofConfined()) {
      float max = x.getAtIndex(ValueLayout.JAVA_FLOAT, 1 + n / 2);
      MemorySegment weights = arena.allocate(ValueLayout.JAVA_FLOAT, n + 1L);
      MemorySegment expected = arena.allocate(ValueLayout.JAVA_FLOAT, n + 1L);
      float[] sum = {tested.exp(x, 4, n, max, 0.7f, weights, 4)};
      assertSame(
          "sum of exp of " + n, sum, new float[] {scalar.exp(x, 4, n, max, 0.7f, expected, 4)});
      assertSame("exp of " + n, toArray(weights), toArray(expected));
      assertSameSums(x, weights, Math.min(n, Kernels.VOCABULARY_SEGMENT));
      int[] selected = new int[n];
      int[] those = new int[n];
      for (float from : new float[] {Float.NEGATIVE_INFINITY, -1, 0, 1, max}) {
        assertThat(tested.select(x, 4, n, from, 1.5f, selected))
            .isEqualTo(scalar.select(x, 4, n, from, 1.5f, those));
        assertThat(selected).isEqualTo(those);
      }
      assertSameChoice(x, n, arena);
    }
  }

  private void assertSameChoice(MemorySegment x, int n, Arena arena) {
    long[] chosen = random.longs(Math.ceilDiv(n, Long.SIZE)).toArray();
    chosen[random.nextInt(chosen.length)] = random.nextBoolean() ? 0 : -1;
    MemorySegment actual = arena.allocate(ValueLayout.JAVA_FLOAT, n + 1L);
    MemorySegment expected = arena.allocate(ValueLayout.JAVA_FLOAT, n + 1L);
    scalar.choose(x, 4, n, chosen, -3, expected, 4);
    tested.choose(x, 4, n, chosen, -3, actual, 4);
    assertSame("chosen of " + n, toArray(actual), toArray(expected));
    actual.copyFrom(x);
    tested.choose(actual, 4, n, chosen, -3, actual, 4);
    actual.setAtIndex(ValueLayout.JAVA_FLOAT, 0, 0);
    assertSame("chosen of " + n + " in place", toArray(actual), toArray(expected));
  }

  private void assertSameSums(MemorySegment x, MemorySegment weights, int n) {
    float[] thresholds = {-1, 0, Math.nextUp(0f), 127};
    float[] sums = new float[Kernels.THRESHOLDS];
    float[] expected = new float[Kernels.THRESHOLDS];
    tested.sumsFrom(x, 4, weights, 4, n, thresholds, sums);
    scalar.sumsFrom(x, 4, weights, 4, n, thresholds, expected);
    assertSame("sums of " + n, sums, expected);
  }

  private interface Run {
    MemorySegment run(Kernels kernels, Arena arena, Random again);
  }

  /** Runs both tiers on inputs drawn from the same seed. */
  private void forBoth(String what, Run run) {
    long seed = random.nextLong();
    try (Arena arena = Arena.ofConfined()) {
      float[] expected = toArray(run.run(scalar, arena, new Random(seed)));
      assertSame(what, toArray(run.run(tested, arena, new Random(seed))), expected);
    }
  }

  private static void assertSame(String what, float[] actual, float[] expected) {
    assertThat(actual).as(what).hasSameSizeAs(expected);
    for (int i = 0; i < actual.length; i++) {
      if (Float.floatToIntBits(actual[i]) != Float.floatToIntBits(expected[i])) {
        throw new AssertionError(
            "%s: value %d is %s (%08x), the scalar tier has %s (%08x)"
                .formatted(
                    what,
                    i,
                    actual[i],
                    Float.floatToRawIntBits(actual[i]),
                    expected[i],
                    Float.floatToRawIntBits(expected[i])));
      }
    }
  }

  private static float[] toArray(MemorySegment segment) {
    return segment.toArray(ValueLayout.JAVA_FLOAT);
  }

  private MemorySegment floats(Arena arena, int count, boolean adversarial) {
    return floats(random, arena, count, adversarial);
  }

  private static MemorySegment floats(Random random, Arena arena, int count, boolean adversarial) {
    MemorySegment floats = arena.allocate(ValueLayout.JAVA_FLOAT, count);
    for (int i = 0; i < count; i++) {
      float value = adversarial ? adversarial(random) : (float) random.nextGaussian();
      floats.setAtIndex(ValueLayout.JAVA_FLOAT, i, value);
    }
    return floats;
  }

  /** Ordinary values mostly, so that the others meet something. */
  private static float adversarial(Random random) {
    return switch (random.nextInt(60)) {
      case 0 -> 0f;
      case 1 -> -0f;
      case 2 -> Float.MIN_VALUE * random.nextInt(1000);
      case 3 -> -Float.MIN_NORMAL;
      case 4 -> 0x1p-100f;
      case 5 -> random.nextInt(20) == 0 ? Float.MAX_VALUE : 1e4f;
      case 6 -> random.nextInt(20) == 0 ? -Float.MAX_VALUE : -1e4f;
      case 7 -> random.nextInt(20) == 0 ? Float.intBitsToFloat(random.nextInt()) : 127f;
      case 8, 9, 10 -> (random.nextInt(256) - 128) / 2f; // ties when rounded
      default -> (float) random.nextGaussian();
    };
  }

  /** Bytes of weights; adversarial ones have any bits, also in their scales. */
  private MemorySegment weights(Arena arena, ElementType type, long count, boolean adversarial) {
    MemorySegment bytes = arena.allocate(type.bytes(count) + 1).asSlice(1); // odd: any alignment
    for (long i = 0; i < bytes.byteSize(); i++) {
      bytes.set(ValueLayout.JAVA_BYTE, i, (byte) random.nextInt());
    }
    if (!adversarial) {
      for (long i = 0; i < count / type.blockSize(); i++) {
        setOrdinaryScales(type, bytes, i * type.blockBytes());
      }
    }
    return bytes;
  }

  private void setOrdinaryScales(ElementType type, MemorySegment bytes, long at) {
    float value = (float) random.nextGaussian() / 50;
    short half = Float.floatToFloat16(value);
    switch (type) {
      case F32 -> bytes.set(ValueLayout.JAVA_FLOAT_UNALIGNED, at, value);
      case BF16 ->
          bytes.set(
              ValueLayout.JAVA_SHORT_UNALIGNED,
              at,
              (short) (Float.floatToRawIntBits(value) >>> 16));
      default -> {
        long scale = at + type.scaleOffset();
        bytes.set(ValueLayout.JAVA_SHORT_UNALIGNED, scale, half);
        if (type.hasMinimum()) {
          bytes.set(ValueLayout.JAVA_SHORT_UNALIGNED, scale + 2, Float.floatToFloat16(value * -7));
        }
      }
    }
  }
}
