package dev.millrace.kernel;

import dev.millrace.tensor.ElementType;

/**
 * A weight matrix [rows = outputs, columns = inputs] in one tier's own layout, made by {@link
 * Kernels#pack}.
 */
public interface Weights {
  ElementType type();

  int rows();

  int columns();

  /** Resident bytes, for reports. */
  long bytes();
}
