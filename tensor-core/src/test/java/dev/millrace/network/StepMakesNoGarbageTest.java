package dev.millrace.network;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.management.ThreadMXBean;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.QuantizedRows;
import dev.millrace.kernel.Team;
import dev.millrace.kernel.WeightSource;
import dev.millrace.kernel.Weights;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.kv.BlockTable;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvPool;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.management.ManagementFactory;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class StepMakesNoGarbageTest {
  private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

  @Test
  void onceEveryRowCountWasSeen() {
    assertThat(leastBytesOfARound(new NoKernels(), 1)).isZero();
  }

  /** Whose Java is little, but must be compiled before it makes nothing. */
  @Test
  void withTheFastestKernelsOnceTheyAreWarm() {
    assertThat(leastBytesOfARound(Tiers.choose(Tiers.AUTO).kernels(), 5000)).isZero();
  }

  private static long leastBytesOfARound(Kernels kernels, int warmUp) {
    try (Team team = Team.of(2);
        Network network =
            Network.load(
                new TinyModel(ElementType.Q4_1), kernels, team, new StepLimits(40, 4, 64));
        KvPool pool = new KvPool(2, 2, 16, 5, 16)) {
      List<Chunk> prefill = List.of(chunk(0, 5, 0), chunk(1, 2, 2));
      List<Chunk> decode = List.of(chunk(0, 1, 1), chunk(1, 1, 1));
      List<Chunk> byTiles = List.of(chunk(2, 40, 1));
      for (int round = 0; round < warmUp; round++) {
        network.forward(prefill, pool);
        network.forward(decode, pool);
        network.forward(byTiles, pool);
      }

      // What the JVM does once (linking, the first time that a thread parks) isn't a step's doing:
      // that would be seen in every round.
      long least = Long.MAX_VALUE;
      for (int round = 0; round < 10; round++) {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        network.forward(prefill, pool);
        network.forward(decode, pool);
        network.forward(byTiles, pool);
        least = Math.min(least, THREADS.getCurrentThreadAllocatedBytes() - before);
      }

      return least;
    }
  }

  private static Chunk chunk(int block, int count, int logitRows) {
    BlockTable blocks = new BlockTable();
    for (int i = 0; i * 16 < 3 + count; i++) {
      blocks.append(block + i);
    }
    return new Chunk(new int[count], 0, count, 3, blocks, logitRows);
  }

  /** Leaves numbers alone: what is allocated then, the network allocates. */
  private static final class NoKernels implements Kernels {
    private record Shape(ElementType type, int rows, int columns, long bytes) implements Weights {}

    private record Rows(ActivationPrecision precision, int maxRows, int columns)
        implements QuantizedRows {}

    @Override
    public String name() {
      return "none";
    }

    @Override
    public Weights pack(WeightSource source, Arena arena) {
      return new Shape(source.type(), source.rows(), source.columns(), 0);
    }

    @Override
    public QuantizedRows quantizedRows(
        ActivationPrecision precision, int maxRows, int columns, Arena arena) {
      return new Rows(precision, maxRows, columns);
    }

    @Override
    public void quantize(
        MemorySegment x,
        QuantizedRows into,
        int fromRow,
        int toRow,
        int fromColumn,
        int toColumn) {}

    @Override
    public void multiply(
        Weights w,
        MemorySegment x,
        @Nullable QuantizedRows q,
        int rows,
        MemorySegment y,
        int yStride,
        int fromOutput,
        int toOutput) {}

    @Override
    public void lookup(Weights w, int row, MemorySegment to, long toOffsetBytes) {}

    @Override
    public void rmsNorm(
        MemorySegment x,
        MemorySegment weight,
        float epsilon,
        MemorySegment y,
        int columns,
        int fromRow,
        int toRow) {}

    @Override
    public void rope(
        MemorySegment x,
        int xStride,
        int heads,
        int headDim,
        MemorySegment cosSin,
        int[] positions,
        int fromRow,
        int toRow) {}

    @Override
    public void swiglu(
        MemorySegment gate, MemorySegment up, MemorySegment out, long from, long to) {}

    @Override
    public void add(MemorySegment x, MemorySegment y, long from, long to) {}

    @Override
    public void storeKv(
        KvLayer layer,
        int block,
        int slot,
        MemorySegment k,
        long kOffsetBytes,
        MemorySegment v,
        long vOffsetBytes) {}

    @Override
    public void attend(
        MemorySegment q,
        long qOffsetBytes,
        long qRowBytes,
        int rows,
        int heads,
        float scale,
        KvLayer layer,
        int[] blocks,
        int kvHead,
        int length,
        int segment,
        MemorySegment state,
        long stateOffsetBytes,
        long stateRowBytes) {}

    @Override
    public void mergeSegments(
        MemorySegment state,
        long stateOffsetBytes,
        long stateStrideBytes,
        int segments,
        int heads,
        int headDim,
        MemorySegment out,
        long outOffsetBytes) {}

    @Override
    public int argmax(MemorySegment x, long offsetBytes, int n) {
      return 0;
    }

    @Override
    public float exp(
        MemorySegment x,
        long offsetBytes,
        int n,
        float max,
        float invTemperature,
        MemorySegment weights,
        long weightsOffsetBytes) {
      return 0;
    }

    @Override
    public void sumsFrom(
        MemorySegment x,
        long offsetBytes,
        MemorySegment weights,
        long weightsOffsetBytes,
        int n,
        float[] thresholds,
        float[] sums) {}

    @Override
    public int select(
        MemorySegment x, long offsetBytes, int n, float from, float below, int[] into) {
      return 0;
    }

    @Override
    public void choose(
        MemorySegment x,
        long offsetBytes,
        int n,
        long[] chosen,
        float otherwise,
        MemorySegment out,
        long outOffsetBytes) {}
  }
}
