package dev.millrace.trace;

import dev.millrace.tensor.Matrix;

/**
 * Sees every intermediate tensor by the name that llama.cpp gives it ({@code blk.3.attn_norm},
 * {@code logits}). Off ({@link #NONE}) it costs nothing.
 */
public interface Probe {
  Probe NONE =
      new Probe() {
        @Override
        public void see(String name, Matrix<?, ?> matrix) {}

        @Override
        public Probe within(String prefix) {
          return this;
        }

        @Override
        public boolean isOff() {
          return true;
        }
      };

  /** Called when a tensor is complete; its memory will be overwritten afterwards. */
  void see(String name, Matrix<?, ?> matrix);

  /** Whether nothing is looked at, so that nothing need be there to be seen. */
  default boolean isOff() {
    return false;
  }

  /** This probe for tensors whose names start with {@code prefix}. */
  default Probe within(String prefix) {
    return (name, matrix) -> see(prefix + name, matrix);
  }
}
