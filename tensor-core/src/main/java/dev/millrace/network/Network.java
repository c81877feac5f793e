package dev.millrace.network;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;
import dev.millrace.kv.KvPool;
import dev.millrace.model.ModelFile;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import dev.millrace.trace.Probe;
import java.util.List;

/** A loaded network. One caller at a time. */
public interface Network extends AutoCloseable {

  /** As the other, with activations rounded to int8. */
  static Network load(ModelFile file, Kernels kernels, Team team, StepLimits limits) {
    return load(file, kernels, ActivationPrecision.INT8, team, limits);
  }

  /**
   * Loads the network that a file describes. Weights are copied: the file may be closed afterwards.
   *
   * @param activations what is rounded to where quantized weights are met
   * @param team shared with others or not; runs one step at a time, and must outlive the network
   * @throws dev.millrace.model.ModelFormatException if the file isn't a network that we know
   */
  static Network load(
      ModelFile file,
      Kernels kernels,
      ActivationPrecision activations,
      Team team,
      StepLimits limits) {
    NetworkConfig config = NetworkConfig.from(file);
    Backend backend = new Backend(kernels, activations, team);
    return LlamaNetwork.load(file, config, backend, limits); // the only architecture so far
  }

  NetworkConfig config();

  /** What one step and one sequence can hold; maxContext is at most the model's own. */
  StepLimits limits();

  /** What it takes to hold it. */
  NetworkMemory memory();

  /** Shows every intermediate tensor of the steps from now on; {@link Probe#NONE} ends that. */
  void probe(Probe probe);

  /**
   * Computes one ragged step: stores the chunks' keys and values in the pool and returns logits of
   * the rows that want them, in the chunks' order. The result is valid until the next call.
   *
   * @throws IllegalArgumentException if a token, position, block or count is out of range, or two
   *     chunks write into one block; nothing has been computed or stored then
   */
  Matrix<LogitRows, Vocab> forward(List<Chunk> chunks, KvPool pool);

  @Override
  void close();
}
