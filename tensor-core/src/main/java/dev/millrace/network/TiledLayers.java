package dev.millrace.network;

import dev.millrace.kernel.Team;
import dev.millrace.kv.KvPool;
import dev.millrace.network.LlamaLayer.Shared;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Size;
import dev.millrace.trace.Probe;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Layers for many rows. Until attention a row meets no other, so the team's threads take a tile of
 * rows each, one after the other, and do by themselves what else would be a round of the team for
 * each step of a layer; and what a tile writes on its way stays in its core's caches.
 */
final class TiledLayers implements Team.Task {
  /**
   * Rows of a tile: enough to pay for reading a layer's weights, few enough that what they write
   * meanwhile fits into a second-level cache (13 KiB a row, in the default model).
   */
  private static final int ROWS = 32;

  /** With less, products would spend their time unpacking weights. */
  private static final int LEAST_ROWS = 8;

  /**
   * Weights of a layer, at most: every tile reads them again, which must not be from memory. Of
   * larger ones a product takes so long that the rounds of the team don't show.
   */
  private static final long MOST_LAYER_BYTES = 16 << 20;

  /** A multiply-add of products, mostly of rounded activations, to one of attention. */
  private static final int PRODUCT_SPEED = 3;

  private final Team team;
  private final boolean worthwhile;
  private final List<Lane> lanes = new ArrayList<>(); // [parts]
  private final RowViews<RowViews<Tile>> tiles; // by first row, and number of rows
  private final long productPositions;
  private final long[] workTo; // [rows + 1] of the rows in front of each, in positions attended to
  private final List<Tile> stepTiles = new ArrayList<>();
  private final AtomicInteger next = new AtomicInteger();

  // A step's arguments.
  private int stage;

  @SuppressWarnings("NullAway.Init")
  private StepRows step;

  @SuppressWarnings("NullAway.Init")
  private KvPool pool;

  /** What one thread needs to go through the layers alone. */
  private record Lane(
      List<LlamaLayer> layers, RowViews<LayerBuffers<Tokens>> buffers, StepRows rows) {}

  private record Tile(int from, int to, Carried<Tokens> carried) {}

  /**
   * @param layers with their weights
   * @param layerBytes of a layer's weights
   * @param carried of the largest step
   */
  TiledLayers(
      List<LlamaLayer> layers,
      long layerBytes,
      Carried<Tokens> carried,
      Backend backend,
      Sizes sizes,
      StepLimits limits,
      boolean rounds,
      Arena arena) {
    team = backend.team();
    worthwhile = layerBytes <= MOST_LAYER_BYTES;
    Backend alone = backend.alone();
    for (int part = 0; worthwhile && part < team.size(); part++) {
      Shared shared = layers.getFirst().shared().on(alone, sizes, ROWS, limits.maxContext(), arena);
      LayerBuffers<Tokens> buffers =
          LayerBuffers.allocate(new Size<>(ROWS), sizes, alone, rounds, arena);
      lanes.add(
          new Lane(
              layers.stream().map(layer -> layer.on(alone, shared)).toList(),
              new RowViews<>(ROWS, buffers::firstRows),
              new StepRows(ROWS)));
    }
    tiles =
        new RowViews<>(
            limits.maxTokens(),
            from ->
                new RowViews<>(
                    ROWS, rows -> new Tile(from, from + rows, carried.rows(from, from + rows))));
    productPositions = productPositions(sizes);
    workTo = new long[limits.maxTokens() + 1];
  }

  /** Positions that attention takes as long for as a layer's products take for a row. */
  private static long productPositions(Sizes sizes) {
    long hidden = sizes.hidden().value();
    long queries = sizes.queries().value();
    long attention = 2 * (queries + sizes.keys().value());
    return hidden * (attention + 3L * sizes.ffn().value()) / (2 * queries * PRODUCT_SPEED);
  }

  /** Whether a step has rows enough to go by tiles, in a network that gains by it. */
  boolean suit(int rows) {
    return worthwhile && rows >= LEAST_ROWS * team.size();
  }

  /** Takes a step's rows, as many tiles for each thread, which take as long. */
  void begin(StepRows step, KvPool pool) {
    this.step = step;
    this.pool = pool;
    int rows = step.rows();
    addUpWork();
    stepTiles.clear();
    int count = Math.ceilDiv(rows, ROWS * team.size()) * team.size();
    int from = 0;
    for (int row = 1; row <= rows; row++) {
      if (row == rows || row - from == ROWS || isNearest(row, stepTiles.size() + 1, count)) {
        stepTiles.add(tiles.of(from).of(row - from));
        from = row;
      }
    }
  }

  /** Where a row is of a chunk of few, more of what attention reads is read for it alone. */
  private void addUpWork() {
    int to;
    for (int from = 0; from < step.rows(); from = to) {
      to = from + 1;
      while (to < step.rows() && step.chunk(to) == step.chunk(from)) {
        to++;
      }
      for (int row = from; row < to; row++) {
        long attention = Attention.work(to - from, step.length(row)) / (to - from);
        workTo[row + 1] = workTo[row] + productPositions + attention;
      }
    }
  }

  /** Whether a tile had better end in front of a row than behind it. */
  private boolean isNearest(int row, int tile, int count) {
    long all = workTo[step.rows()];
    return workTo[row] + workTo[row + 1] > 2 * all * tile / count;
  }

  /** As {@link LlamaLayer#stage}, for all rows of the step. */
  void stage(int stage) {
    this.stage = stage;
    next.set(0);
    team.run(this);
  }

  @Override
  public void run(int part, int parts) {
    Lane lane = lanes.get(part);
    for (int i; (i = next.getAndIncrement()) < stepTiles.size(); ) {
      Tile tile = stepTiles.get(i);
      lane.rows.clear();
      for (int row = tile.from; row < tile.to; row++) {
        lane.rows.append(step, row);
      }
      LlamaLayer.stage(
          stage,
          lane.layers,
          tile.carried,
          pool,
          lane.rows,
          lane.buffers.of(lane.rows.rows()),
          Probe.NONE);
    }
  }
}
