package dev.millrace.network;

import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.HeadDim;
import dev.millrace.tensor.Dim.Heads;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.Product;
import dev.millrace.tensor.Matrix;

/**
 * What rows carry from one half of a layer to the next.
 *
 * @param x the residual stream
 * @param q queries that attention will read
 */
record Carried<R extends Dim>(Matrix<R, Hidden> x, Matrix<R, Product<Heads, HeadDim>> q) {

  Carried<R> rows(int from, int to) {
    return new Carried<>(x.rows(from, to), q.rows(from, to));
  }
}
