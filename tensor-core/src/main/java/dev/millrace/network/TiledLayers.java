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

  private final Team team;
  private final boolean worthwhile;
  private final List<Lane> lanes = new ArrayList<>(); // [parts]
  private final RowViews<List<Tile>> tiles;
  private final AtomicInteger next = new AtomicInteger();

  // A call's arguments.
  private int stage;

  @SuppressWarnings("NullAway.Init")
  private List<Tile> stepTiles;

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
    tiles = new RowViews<>(limits.maxTokens(), rows -> tiles(rows, carried));
  }

  /** As many for each thread, of as many rows. */
  private List<Tile> tiles(int rows, Carried<Tokens> carried) {
    int count = Math.ceilDiv(rows, ROWS * team.size()) * team.size();
    List<Tile> all = new ArrayList<>(count);
    for (int i = 0; i < count; i++) {
      int from = Team.split(rows, i, count);
      int to = Team.split(rows, i + 1, count);
      all.add(new Tile(from, to, carried.rows(from, to)));
    }
    return all;
  }

  /** Whether a step has rows enough to go by tiles, in a network that gains by it. */
  boolean suit(int rows) {
    return worthwhile && rows >= LEAST_ROWS * team.size();
  }

  /** As {@link LlamaLayer#stage}, for all rows of a step. */
  void stage(int stage, StepRows step, KvPool pool) {
    this.stage = stage;
    this.step = step;
    this.pool = pool;
    stepTiles = tiles.of(step.rows());
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
