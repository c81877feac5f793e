package dev.millrace.kernel.tier;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.Kernels;
import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvPool;
import dev.millrace.kv.KvType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;

/** What a step does beside products, done once in small, as {@link SelfCheck} does these. */
final class StepCheck {
  private static final int ROWS = 2;
  private static final int HEADS = 2; // that share keys and values
  private static final int HEAD_DIM = 64;
  private static final int COLUMNS = HEADS * HEAD_DIM;
  private static final int POSITIONS = 40; // a tile and a part of one
  private static final int[] BLOCKS = {1, 0};

  private final Kernels tested;
  private final Kernels reference;
  private final Arena arena;
  private final SplittableRandom random = new SplittableRandom(2);

  StepCheck(Kernels tested, Kernels reference, Arena arena) {
    this.tested = tested;
    this.reference = reference;
    this.arena = arena;
  }

  /** What a kernel makes of inputs that are the same for all. */
  private interface Result {
    MemorySegment of(Kernels kernels);
  }

  /**
   * @throws IllegalStateException if a kernel's bits differ
   */
  void requireEqual() {
    MemorySegment x = numbers(ROWS * COLUMNS);
    MemorySegment y = numbers(ROWS * COLUMNS);
    int[] positions = {1, 0};
    requireEqual(
        "RMSNorm",
        kernels -> {
          MemorySegment to = numbers();
          kernels.rmsNorm(x, y, 1e-5f, to, COLUMNS, 0, ROWS);
          return to;
        });
    requireEqual(
        "RoPE",
        kernels -> {
          MemorySegment to = numbers().copyFrom(x);
          kernels.rope(to, COLUMNS, HEADS, HEAD_DIM, y, positions, 0, ROWS);
          return to;
        });
    requireEqual(
        "SwiGLU",
        kernels -> {
          MemorySegment to = numbers();
          kernels.swiglu(x, y, to, 0, ROWS * COLUMNS);
          return to;
        });
    requireEqual(
        "sum",
        kernels -> {
          MemorySegment to = numbers().copyFrom(x);
          kernels.add(to, y, 0, ROWS * COLUMNS);
          return to;
        });
    requireEqual(
        "softmax",
        kernels -> {
          MemorySegment to = numbers();
          int largest = kernels.argmax(x, 0, ROWS * COLUMNS);
          kernels.exp(x, 0, ROWS * COLUMNS, x.getAtIndex(JAVA_FLOAT, largest), 1, to, 0);
          return to;
        });
    for (KvType type : KvType.values()) {
      requireEqualAttention(type, x);
    }
  }

  private void requireEqualAttention(KvType type, MemorySegment queries) {
    try (KvPool pool = new KvPool(1, 1, HEAD_DIM, BLOCKS.length, Kernels.ATTENTION_TILE, type)) {
      KvLayer layer = pool.layer(0);
      for (int i = 0; i < POSITIONS; i++) {
        int block = BLOCKS[i / Kernels.ATTENTION_TILE];
        int slot = i % Kernels.ATTENTION_TILE;
        reference.storeKv(layer, block, slot, numbers(HEAD_DIM), 0, numbers(HEAD_DIM), 0);
      }
      requireEqual("attention over " + type, kernels -> attended(kernels, layer, queries));
    }
  }

  private MemorySegment attended(Kernels kernels, KvLayer layer, MemorySegment queries) {
    long rowBytes = (long) COLUMNS * Float.BYTES;
    int stateFloats = HEADS * Kernels.attentionStateFloats(HEAD_DIM);
    long stateBytes = (long) stateFloats * Float.BYTES;
    MemorySegment state = arena.allocate(JAVA_FLOAT, (long) ROWS * stateFloats);
    MemorySegment out = numbers();
    kernels.attend(
        queries,
        0,
        rowBytes,
        ROWS,
        HEADS,
        1 / (float) Math.sqrt(HEAD_DIM),
        layer,
        BLOCKS,
        0,
        POSITIONS - 1,
        0,
        state,
        0,
        stateBytes);
    for (int row = 0; row < ROWS; row++) { // one segment, then two
      kernels.mergeSegments(state, 0, stateBytes, row + 1, HEADS, HEAD_DIM, out, row * rowBytes);
    }
    return out;
  }

  private void requireEqual(String what, Result result) {
    if (result.of(tested).mismatch(result.of(reference)) >= 0) {
      throw new IllegalStateException(
          "the %s kernels' %s isn't the scalar tier's on this CPU".formatted(tested.name(), what));
    }
  }

  private MemorySegment numbers() {
    return arena.allocate(JAVA_FLOAT, (long) ROWS * COLUMNS);
  }

  /** Random ones. */
  private MemorySegment numbers(int count) {
    MemorySegment numbers = arena.allocate(JAVA_FLOAT, count);
    for (int i = 0; i < count; i++) {
      numbers.setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
    }
    return numbers;
  }
}
