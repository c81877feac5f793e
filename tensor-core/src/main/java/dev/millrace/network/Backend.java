package dev.millrace.network;

import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.Team;

/**
 * Who computes: the kernels, and the threads that share a kernel's work.
 *
 * @param activations what quantized weights meet
 */
record Backend(Kernels kernels, ActivationPrecision activations, Team team) {

  /** The same kernels, used by one thread: the caller's. */
  Backend alone() {
    return new Backend(kernels, activations, Team.of(1));
  }
}
