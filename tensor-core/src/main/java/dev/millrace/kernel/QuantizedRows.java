package dev.millrace.kernel;

/**
 * Activations rounded per row and per block of 32 columns, in one tier's own layout: values q,
 * scales da, sums Σq. Made by {@link Kernels#quantizedRows}.
 */
public interface QuantizedRows {
  ActivationPrecision precision();

  int maxRows();

  int columns();
}
