package dev.millrace.kernel;

import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.vector.VectorKernels;
import dev.millrace.memory.HugePageArena;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * Prints the table of matrix products: tier × format × rows, on one thread, in GMAC/s by CPU time;
 * and what one row reads of weights that are nowhere but in memory, in GB/s. That all tiers' bits
 * are equal is {@link KernelsContract}'s business. Not a test; run it from tensor-core:
 *
 * <pre>
 *   mvn -q test-compile exec:exec -Dexec.executable=java -Dexec.classpathScope=test \
 *     -Dexec.args="--add-modules=jdk.incubator.vector -cp %classpath \
 *     dev.millrace.kernel.ProductTable [avx512|avx2|vector|scalar] [FORMAT ...]"
 * </pre>
 */
public final class ProductTable {
  private static final int OUTPUTS = 1536;
  private static final int COLUMNS = 768;
  private static final int[] ROWS = {1, 8, 32, 256};

  /** Of packed weights, read in turn: no cache holds as much. */
  private static final long STREAM_BYTES = 96L << 20;

  private static final int STREAM_SIZE = 4096; // rows and columns of each of them

  private final Kernels kernels;

  private ProductTable(Kernels kernels) {
    this.kernels = kernels;
  }

  public static void main(String[] args) {
    List<String> wanted = List.of(args);
    StringBuilder header = new StringBuilder("| tier | weights | activations |");
    Arrays.stream(ROWS).forEach(rows -> header.append(" %d rows |".formatted(rows)));
    System.out.println(header + " 1 row from memory, GB/s |");
    System.out.println("|---|---|---|" + "---|".repeat(ROWS.length + 1));
    TestTiers.named(wanted)
        .forEach((name, kernels) -> new ProductTable(kernels).print(name, wanted));
  }

  private void print(String tier, List<String> wanted) {
    List<String> formats = Arrays.stream(ElementType.values()).map(ElementType::name).toList();
    boolean all = formats.stream().noneMatch(wanted::contains);
    for (ElementType type : ElementType.values()) {
      if (!all && !wanted.contains(type.name())) {
        continue;
      }
      for (ActivationPrecision precision : ActivationPrecision.values()) {
        if (type.isQuantized()) {
          printRow(tier, type, precision, precision.toString());
        } else if (precision == ActivationPrecision.INT8) {
          printRow(tier, type, precision, "float32");
        }
      }
    }
  }

  private void printRow(
      String tier, ElementType type, ActivationPrecision precision, String activations) {
    StringBuilder line = new StringBuilder("| %s | %s | %s |".formatted(tier, type, activations));
    boolean slow = kernels instanceof ScalarKernels;
    for (int rows : ROWS) {
      if (slow && rows > 1) {
        line.append(" |");
      } else {
        try (Arena arena = Arena.ofConfined()) {
          Product product = new Product(arena, type, precision, OUTPUTS, COLUMNS, rows, 1);
          line.append(" %.1f |".formatted((double) OUTPUTS * COLUMNS * rows / product.nanos()));
        }
      }
    }
    System.out.println(line + (slow ? " |" : " %.1f |".formatted(stream(type, precision))));
  }

  private double stream(ElementType type, ActivationPrecision precision) {
    try (Arena arena = HugePageArena.open()) { // as networks have them
      int size = STREAM_SIZE;
      int copies = Math.toIntExact(STREAM_BYTES / type.bytes((long) size * size)) + 1;
      Product product = new Product(arena, type, precision, size, size, 1, copies);
      return product.weights.getFirst().bytes() / product.nanos();
    }
  }

  /** Weights times rows; several copies of the weights take turns. */
  private final class Product {
    private final List<Weights> weights = new ArrayList<>();
    private final int rows;
    private final int outputs;
    private final MemorySegment x;
    private final QuantizedRows q;
    private final MemorySegment y;
    private int turn;

    Product(
        Arena arena,
        ElementType type,
        ActivationPrecision precision,
        int outputs,
        int columns,
        int rows,
        int copies) {
      this.rows = rows;
      this.outputs = outputs;
      MemorySegment file = arena.allocate(type.bytes((long) outputs * columns), 64);
      for (int i = 0; i < copies; i++) {
        weights.add(kernels.pack(type, file, outputs, columns, arena));
      }
      Random random = new Random(1);
      x = arena.allocate(ValueLayout.JAVA_FLOAT, (long) rows * columns);
      for (int i = 0; i < rows * columns; i++) {
        x.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) random.nextGaussian());
      }
      q = kernels.quantizedRows(precision, rows, Math.ceilDiv(columns, 32) * 32, arena);
      kernels.quantize(x, q, 0, rows);
      y = arena.allocate(ValueLayout.JAVA_FLOAT, (long) rows * outputs);
    }

    private void run() {
      kernels.multiply(weights.get(turn), x, q, rows, y, outputs, 0, outputs);
      turn = (turn + 1) % weights.size();
    }

    /** Of one call. */
    double nanos() {
      long warmUp = kernels instanceof VectorKernels ? CpuTime.WARM_UP_NANOS : 0;
      return CpuTime.of(this::run, weights.size(), warmUp).nanos();
    }
  }
}
