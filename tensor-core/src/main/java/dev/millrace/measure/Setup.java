package dev.millrace.measure;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Kernels;
import dev.millrace.kv.KvType;

/**
 * What a network is computed with.
 *
 * @param threads that share a step
 */
public record Setup(Kernels kernels, ActivationPrecision activations, KvType kvType, int threads) {

  /** As usual: int8, and keys and values in float32. */
  public static Setup of(Kernels kernels, int threads) {
    return new Setup(kernels, ActivationPrecision.INT8, KvType.F32, threads);
  }

  /** With other kernels. */
  public Setup with(Kernels others) {
    return new Setup(others, activations, kvType, threads);
  }
}
