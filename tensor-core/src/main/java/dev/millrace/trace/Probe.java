package dev.millrace.trace;

import dev.millrace.tensor.Matrix;

/**
 * Sees every intermediate tensor by the name that llama.cpp gives it ({@code blk.3.attn_norm},
 * {@code logits}). Off ({@link #NONE}) it costs nothing.
 */
public interface Probe {
  Probe NONE = (name, matrix) -> {};

  /** Called when a tensor is complete; its memory will be overwritten afterwards. */
  void see(String name, Matrix<?, ?> matrix);
}
