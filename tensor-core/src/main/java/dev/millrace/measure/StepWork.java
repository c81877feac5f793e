package dev.millrace.measure;

import dev.millrace.kv.KvPool;
import dev.millrace.kv.KvType;
import dev.millrace.model.ModelFile;
import dev.millrace.model.TensorData;
import dev.millrace.network.NetworkConfig;
import java.util.List;

/**
 * What a step has to do, whoever does it: multiply-adds, and bytes that must be read.
 *
 * @param layerMacs a token, in the products of all layers
 * @param headMacs a row of logits
 * @param weightBytes of all that a step multiplies with, in the file's format
 * @param quantized whether most of the products are of integers
 */
record StepWork(
    NetworkConfig config,
    KvType kvType,
    long layerMacs,
    long headMacs,
    long weightBytes,
    boolean quantized) {

  static StepWork of(ModelFile file, KvType kvType) {
    TensorData head =
        file.find("output.weight").or(() -> file.find("token_embd.weight")).orElseThrow();
    List<TensorData> matrices =
        file.tensors().values().stream()
            .filter(tensor -> tensor.name().startsWith("blk.") && tensor.shape().size() == 2)
            .toList();
    return new StepWork(
        NetworkConfig.from(file),
        kvType,
        matrices.stream().mapToLong(TensorData::elements).sum(),
        head.elements(),
        head.bytes() + matrices.stream().mapToLong(TensorData::bytes).sum(),
        matrices.stream().anyMatch(tensor -> tensor.type().isQuantized()));
  }

  /**
   * Multiply-adds of a step.
   *
   * @param positions that its rows see, all together
   */
  double macs(long rows, long logitRows, long positions) {
    double attention = 2.0 * config.layers() * config.heads() * config.headDim();
    return (double) layerMacs * rows + (double) headMacs * logitRows + attention * positions;
  }

  /**
   * Bytes that a step reads at least.
   *
   * @param positions of which keys and values are read, all sequences together
   */
  double bytes(long positions) {
    return weightBytes + (double) bytesPerPosition() * positions;
  }

  /** Of keys and values. */
  long bytesPerPosition() {
    return KvPool.bytesPerBlock(config.layers(), config.kvHeads(), config.headDim(), 1, kvType);
  }
}
