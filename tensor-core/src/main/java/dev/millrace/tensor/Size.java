package dev.millrace.tensor;

import dev.millrace.tensor.Dim.Product;

/** How many entries a dimension has in one model: bound once, when the model is loaded. */
@SuppressWarnings("UnusedTypeParameter") // the parameter is the point: it exists for the compiler
public record Size<D extends Dim>(int value) {

  /** The size of A groups of B. */
  public static <A extends Dim, B extends Dim> Size<Product<A, B>> product(Size<A> a, Size<B> b) {
    return new Size<>(Math.multiplyExact(a.value, b.value));
  }
}
