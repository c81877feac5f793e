package dev.millrace.kernel;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.vector.VectorKernels;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvType;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.FieldSource;

/** Every tier refuses at its door what would lead it into foreign memory. */
@ParameterizedClass
@FieldSource("TIERS")
class ArgumentsTest {
  static final Kernels[] TIERS = {new ScalarKernels(), new VectorKernels()};

  private final Kernels kernels;
  private final Arena arena = Arena.ofConfined();
  private final MemorySegment floats = arena.allocate(ValueLayout.JAVA_FLOAT, 64);

  ArgumentsTest(Kernels kernels) {
    this.kernels = kernels;
  }

  @AfterEach
  void close() {
    arena.close();
  }

  @Test
  void weightsOfAnotherSizeAreRefused() {
    refused(
        () -> kernels.pack(ElementType.Q4_0, arena.allocate(18), 2, 32, arena),
        "weights of [2, 32] in Q4_0 take 36 bytes, got 18");
    refused(() -> kernels.pack(ElementType.Q8_0, floats, 1, 33, arena), "multiple of 32");
    refused(() -> kernels.pack(ElementType.F32, floats, 0, 64, arena), "at least 1");
    refused(() -> kernels.quantizedRows(ActivationPrecision.INT8, 1, 48, arena), "multiple of 32");
  }

  @Test
  void productsThatDontFitAreRefused() {
    Weights plain = kernels.pack(ElementType.F32, floats, 32, 2, arena);
    refused(
        () -> multiply(plain, null, 1, 32, 16, 32), "first output 16: must be a multiple of 32");
    refused(() -> multiply(plain, null, 1, 32, 0, 33), "outputs [0, 33): must lie in [0, 32)");
    refused(() -> multiply(plain, null, 2, 16, 0, 32), "floats apart");
    refused(() -> multiply(plain, null, 3, 32, 0, 32), "y has 256 bytes");
    refused(() -> multiply(plain, null, -1, 32, 0, 32), "-1 rows");
    Weights blocks = kernels.pack(ElementType.Q8_0, arena.allocate(2 * 34), 1, 64, arena);
    refused(() -> multiply(blocks, null, 1, 1, 0, 1), "got none");
    QuantizedRows narrow = kernels.quantizedRows(ActivationPrecision.INT8, 1, 32, arena);
    refused(() -> multiply(blocks, narrow, 1, 1, 0, 1), "got [1, 32]");
    refused(() -> kernels.lookup(plain, 32, floats, 0), "row [32, 33)");
    refused(() -> kernels.lookup(plain, 0, floats, 252), "no room for 2 floats at byte 252");
    refused(() -> kernels.quantize(floats, narrow, 0, 2), "rows [0, 2)");
    refused(() -> kernels.quantize(floats, narrow, 0, 1, 0, 64), "columns [0, 64)");
    refused(() -> kernels.quantize(floats, narrow, 0, 1, 0, 16), "must be whole blocks of 32");
    refused(() -> kernels.quantize(floats, narrow, 0, 1, 16, 32), "must be whole blocks of 32");
  }

  private void multiply(
      Weights w, @Nullable QuantizedRows q, int rows, int yStride, int from, int to) {
    kernels.multiply(w, floats, q, rows, floats, yStride, from, to);
  }

  @Test
  void memoryOnTheHeapOrFreedIsRefused() {
    MemorySegment heap = MemorySegment.ofArray(new float[64]);
    refused(() -> kernels.add(heap, floats, 0, 4), "on the heap");
    MemorySegment freed;
    Weights freedWeights;
    try (Arena other = Arena.ofConfined()) {
      freed = other.allocate(ValueLayout.JAVA_FLOAT, 64);
      freedWeights = kernels.pack(ElementType.F32, floats, 32, 2, other);
    }
    assertThatThrownBy(() -> multiply(freedWeights, null, 1, 32, 0, 32))
        .isInstanceOf(RuntimeException.class);
    refused(() -> kernels.add(floats, freed, 0, 4), "freed");
    refused(() -> kernels.argmax(freed, 0, 4), "freed");
    refused(() -> kernels.exp(heap, 0, 4, 0, 1, floats, 0), "on the heap");
    refused(() -> kernels.exp(floats, 0, 4, 0, 1, freed, 0), "freed");
    refused(() -> kernels.select(freed, 0, 4, 0, 1, new int[4]), "freed");
  }

  @Test
  void rowsThatDontFitAreRefused() {
    refused(() -> kernels.add(floats, floats, 0, 65), "no room for 65 floats");
    refused(() -> kernels.add(floats, floats, 5, 4), "elements [5, 4)");
    refused(() -> kernels.swiglu(floats, floats, floats, -1, 4), "elements [-1, 4)");
    refused(() -> kernels.rmsNorm(floats, floats, 0, floats, 32, 0, 3), "no room for 96 floats");
    int[] positions = {0, 8};
    refused(() -> kernels.rope(floats, 8, 1, 8, floats, positions, 0, 2), "position [8, 9)");
    refused(() -> kernels.rope(floats, 8, 1, 8, floats, positions, 0, 3), "rows [0, 3)");
    refused(() -> kernels.rope(floats, 8, 1, 7, floats, positions, 0, 1), "must be even");
  }

  @Test
  void sumsOfMoreThanASegmentOrOtherCountsAreRefused() {
    float[] four = new float[4];
    refused(() -> kernels.sumsFrom(floats, 0, floats, 0, 65, four, four), "no room for 65 floats");
    refused(() -> kernels.sumsFrom(floats, 0, floats, 0, 4097, four, four), "values [0, 4097)");
    refused(() -> kernels.sumsFrom(floats, 0, floats, 0, 4, new float[3], four), "3 thresholds");
  }

  @Test
  void choicesWithoutABitForEachValueAreRefused() {
    long[] one = new long[1];
    refused(() -> kernels.choose(floats, 0, 65, one, 0, floats, 0), "chosen values [0, 65)");
    refused(() -> kernels.choose(floats, 8, 64, one, 0, floats, 0), "x has 256 bytes: no room");
    refused(() -> kernels.choose(floats, 0, 64, one, 0, floats, 8), "out has 256 bytes: no room");
  }

  @Test
  void attentionOutOfThePoolIsRefused() {
    KvLayer layer =
        new KvLayer(
            arena.allocate(ValueLayout.JAVA_FLOAT, 2 * 2 * 16),
            arena.allocate(ValueLayout.JAVA_FLOAT, 2 * 2 * 16),
            1,
            2,
            16,
            KvType.F32);
    int[] table = {1, 2};
    attend(layer, table, 0, 16); // block 1 is the pool's last
    refused(() -> attend(layer, table, 0, 17), "block [2, 3): must lie in [0, 2)");
    refused(() -> attend(layer, table, 1, 16), "key-value head [1, 2)");
    refused(() -> attend(layer, table, 0, 0), "segment [0, 1)");
    refused(() -> attend(layer, table, 0, 16, 2, 64), "block [2, 3)");
    refused(() -> attend(layer, table, 0, 1, 2, 256), "no room for 16 floats at byte 256");
    refused(() -> attend(layer, table, 0, 1, 0, 64), "0 rows of q");
    refused(() -> kernels.storeKv(layer, 2, 0, floats, 0, floats, 0), "block [2, 3)");
    refused(() -> kernels.storeKv(layer, 0, 16, floats, 0, floats, 0), "slot [16, 17)");
    refused(
        () -> kernels.mergeSegments(floats, 0, 128, 3, 1, 2, floats, 0), "no room for 16 floats");
  }

  private void attend(KvLayer layer, int[] table, int kvHead, int length) {
    attend(layer, table, kvHead, length, 1, 64);
  }

  private void attend(
      KvLayer layer, int[] table, int kvHead, int length, int rows, long stateRowBytes) {
    kernels.attend(
        floats, 0, 8, rows, 1, 1, layer, table, kvHead, length, 0, floats, 0, stateRowBytes);
  }

  private static void refused(ThrowingCallable call, String message) {
    assertThatThrownBy(call)
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message);
  }
}
