package dev.millrace.kernel;

/**
 * Activations rounded per row and per block of 32 columns to int8 (or, later, int16), in one tier's
 * own layout: values q, scales da = amax/127, sums Σq. Made by {@link Kernels#quantizedRows}.
 */
public interface QuantizedRows {
  int maxRows();

  int columns();
}
