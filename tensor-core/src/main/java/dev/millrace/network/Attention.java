package dev.millrace.network;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.kv.KvLayer;
import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.HeadDim;
import dev.millrace.tensor.Dim.Heads;
import dev.millrace.tensor.Dim.Product;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Causal grouped-query attention over the paged cache: softmax(q·kᵀ/√headDim)·v, where a row sees
 * its sequence's positions up to its own. Prefill and decode rows are the same to it.
 *
 * <p>The unit of work is some rows of a chunk, one key-value head, one segment of positions. The
 * team shares the units evenly by what they take; each leaves a partial state, and states are then
 * merged row by row. Rows go in waves, as many at a time as there is room for states.
 */
final class Attention {
  /** Rows of a unit: as many share what they read of the cache, few enough to share out evenly. */
  private static final int MAX_GROUP = 16;

  /** Of a part, as {@link #work} counts it: some 10 µs. */
  private static final long PART_WORK = 1_000;

  private final Backend backend;
  private final int heads;
  private final int kvHeads;
  private final int headDim;
  private final float scale;
  private final long stateBytes; // of one query head
  private final int slots;
  private final MemorySegment states; // [slots][heads][stateBytes]; a slot is one segment of a row
  private final int[] firstSlot; // [rows], within their waves
  private final Attend attend = new Attend();
  private final Merge merge;

  @SuppressWarnings("NullAway.Init") // set by each call
  private Matrix<?, Product<Heads, HeadDim>> q;

  @SuppressWarnings("NullAway.Init")
  private KvLayer cache;

  @SuppressWarnings("NullAway.Init")
  private StepRows step;

  @SuppressWarnings("NullAway.Init")
  private Activations<?, Product<Heads, HeadDim>> out;

  private int waveStart;
  private int waveEnd;
  private long waveWork; // of its units, all together

  /**
   * @param maxRows of one call
   */
  Attention(Backend backend, Sizes sizes, int maxRows, int maxContext, Arena arena) {
    this.backend = backend;
    heads = sizes.heads().value();
    kvHeads = sizes.kvHeads().value();
    headDim = sizes.headDim().value();
    scale = (float) (1 / Math.sqrt(headDim));
    stateBytes = (long) Kernels.attentionStateFloats(headDim) * Float.BYTES;
    slots = Math.max(maxRows, segments(maxContext));
    states = arena.allocate((long) slots * heads * stateBytes, Matrix.ALIGNMENT);
    firstSlot = new int[maxRows];
    merge = new Merge(backend.team());
  }

  private static int segments(int length) {
    return Math.ceilDiv(length, Kernels.ATTENTION_SEGMENT);
  }

  <R extends Dim> Activations<R, Product<Heads, HeadDim>> apply(
      Matrix<R, Product<Heads, HeadDim>> q,
      KvLayer cache,
      StepRows step,
      Activations<R, Product<Heads, HeadDim>> out) {
    this.q = q;
    this.cache = cache;
    this.step = step;
    this.out = out;
    for (waveStart = 0; waveStart < q.rows(); waveStart = waveEnd) {
      planWave();
      backend.team().run(attend);
      merge.runRows(waveEnd - waveStart);
    }
    return out;
  }

  /** Takes rows from waveStart on until their segments fill the slots. */
  private void planWave() {
    int slot = 0;
    waveEnd = waveStart;
    while (waveEnd < q.rows() && slot + segments(step.length(waveEnd)) <= slots) {
      firstSlot[waveEnd] = slot;
      slot += segments(step.length(waveEnd));
      waveEnd++;
    }
    waveWork = 0;
    int rows;
    for (int row = waveStart; row < waveEnd; row += rows) {
      rows = group(row);
      waveWork += kvHeads * work(rows, middle(row, rows));
    }
  }

  /** Reading keys and values takes as long as computing with them for two rows. */
  static long work(int rows, long positions) {
    return (rows + 2) * positions;
  }

  /** Positions that a group's middle row sees. */
  private int middle(int row, int rows) {
    return step.length(row) + (rows - 1) / 2;
  }

  /** A wave's units. */
  private final class Attend implements Team.Task {
    @Override
    public int shares() {
      return Math.clamp(waveWork / PART_WORK / backend.team().size(), 1, Team.MAX_SHARES);
    }

    /** Does the units that begin, counting work over all units, in this part's share. */
    @Override
    public void run(int part, int parts) {
      long from = waveWork * part / parts;
      long to = waveWork * (part + 1) / parts;
      long begun = 0;
      int rows;
      for (int row = waveStart; row < waveEnd && begun < to; row += rows) {
        rows = group(row);
        int positions = middle(row, rows);
        long ofHead = work(rows, positions);
        if (begun + kvHeads * ofHead <= from) {
          begun += kvHeads * ofHead;
          continue;
        }
        int segments = segments(step.length(row));
        for (int kvHead = 0; kvHead < kvHeads; kvHead++) {
          for (int segment = 0; segment < segments; segment++) {
            long at = begun + work(rows, (long) segment * Kernels.ATTENTION_SEGMENT);
            if (at >= from && at < to) {
              attend(row, rows, kvHead, segment);
            }
          }
          begun += ofHead;
        }
      }
    }
  }

  /** How many rows from {@code first} on are of one chunk and see as many segments. */
  private int group(int first) {
    int most = Math.min(MAX_GROUP, waveEnd - first);
    int rows = 1;
    while (rows < most
        && step.chunk(first + rows) == step.chunk(first)
        && segments(step.length(first + rows)) == segments(step.length(first))) {
      rows++;
    }
    return rows;
  }

  private void attend(int row, int rows, int kvHead, int segment) {
    int firstHead = kvHead * (heads / kvHeads);
    long rowBytes = (long) q.columns() * Float.BYTES;
    long segments = segments(step.length(row));
    backend
        .kernels()
        .attend(
            q.data(),
            row * rowBytes,
            rowBytes,
            rows,
            heads,
            scale,
            cache,
            step.blocks(row),
            kvHead,
            step.length(row),
            segment,
            states,
            ((long) (firstSlot[row] + segment) * heads + firstHead) * stateBytes,
            segments * heads * stateBytes);
  }

  /** Joins the segments of the wave's rows. */
  private final class Merge extends RowWise {
    Merge(Team team) {
      super(team);
    }

    @Override
    void rows(int from, int to) {
      for (int row = waveStart + from; row < waveStart + to; row++) {
        backend
            .kernels()
            .mergeSegments(
                states,
                (long) firstSlot[row] * heads * stateBytes,
                heads * stateBytes,
                segments(step.length(row)),
                heads,
                headDim,
                out.values().data(),
                (long) row * heads * headDim * Float.BYTES);
      }
      out.round(backend.kernels(), waveStart + from, waveStart + to);
    }
  }
}
