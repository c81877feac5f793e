package dev.millrace.measure;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.kv.BlockTable;
import dev.millrace.kv.KvPool;
import dev.millrace.model.ModelFile;
import dev.millrace.network.Chunk;
import dev.millrace.network.Network;
import dev.millrace.network.NetworkConfig;
import dev.millrace.network.StepLimits;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import java.util.List;
import java.util.stream.IntStream;

/** A network for one caller in this process, with room for some sequences of one length each. */
public final class Workbench implements AutoCloseable {
  private static final int BLOCK_SIZE = Kernels.ATTENTION_TILE;

  private final Team team;
  private final Network network;
  private final KvPool pool;
  private final List<BlockTable> sequences;

  /**
   * @param limits of steps; the context is each sequence's length
   * @throws dev.millrace.model.ModelFormatException if the network can't be loaded
   * @throws IllegalArgumentException if the machine hasn't the memory for the keys and values
   */
  public Workbench(ModelFile file, Setup setup, StepLimits limits, int sequenceCount) {
    NetworkConfig config = NetworkConfig.from(file);
    if (limits.maxContext() > config.contextLength()) {
      throw new IllegalArgumentException(
          "%d positions: %s was made for %d"
              .formatted(limits.maxContext(), file.name(), config.contextLength()));
    }
    int blocksEach = Math.ceilDiv(limits.maxContext(), BLOCK_SIZE);
    pool =
        new KvPool(
            config.layers(),
            config.kvHeads(),
            config.headDim(),
            Math.multiplyExact(blocksEach, sequenceCount),
            BLOCK_SIZE,
            setup.kvType());
    team = Team.of(setup.threads());
    try {
      network = Network.load(file, setup.kernels(), setup.activations(), team, limits);
    } catch (RuntimeException | Error e) {
      team.close();
      pool.close();
      throw e;
    }
    sequences =
        IntStream.range(0, sequenceCount)
            .mapToObj(sequence -> table(sequence * blocksEach, blocksEach))
            .toList();
  }

  private static BlockTable table(int first, int count) {
    BlockTable table = new BlockTable();
    for (int block = first; block < first + count; block++) {
      table.append(block);
    }
    return table;
  }

  public Network network() {
    return network;
  }

  public Team team() {
    return team;
  }

  public KvPool pool() {
    return pool;
  }

  /** A sequence's blocks. */
  public BlockTable sequence(int index) {
    return sequences.get(index);
  }

  /** Computes one step. */
  public Matrix<LogitRows, Vocab> forward(List<Chunk> chunks) {
    return network.forward(chunks, pool);
  }

  @Override
  public void close() {
    network.close();
    pool.close();
    team.close();
  }
}
