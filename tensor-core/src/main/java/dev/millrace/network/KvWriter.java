package dev.millrace.network;

import dev.millrace.kv.KvLayer;
import dev.millrace.tensor.Dim.HeadDim;
import dev.millrace.tensor.Dim.Heads;
import dev.millrace.tensor.Dim.KvHeads;
import dev.millrace.tensor.Dim.Product;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Matrix;

/**
 * Turns a step's queries and keys to their positions, and stores keys and values in the pool's
 * blocks, rounded to the pool's type.
 */
final class KvWriter extends RowWise {
  private final Backend backend;
  private final Rope rope;

  @SuppressWarnings("NullAway.Init") // set by each call
  private Matrix<Tokens, Product<Heads, HeadDim>> q;

  @SuppressWarnings("NullAway.Init")
  private Matrix<Tokens, Product<KvHeads, HeadDim>> k;

  @SuppressWarnings("NullAway.Init")
  private Matrix<Tokens, Product<KvHeads, HeadDim>> v;

  @SuppressWarnings("NullAway.Init")
  private KvLayer cache;

  @SuppressWarnings("NullAway.Init")
  private StepRows step;

  KvWriter(Backend backend, Rope rope) {
    super(backend.team());
    this.backend = backend;
    this.rope = rope;
  }

  /** The same, used by another team. */
  KvWriter on(Backend backend) {
    return new KvWriter(backend, rope.on(backend));
  }

  void rotateAndStore(
      Matrix<Tokens, Product<Heads, HeadDim>> q,
      Matrix<Tokens, Product<KvHeads, HeadDim>> k,
      Matrix<Tokens, Product<KvHeads, HeadDim>> v,
      KvLayer cache,
      StepRows step) {
    this.q = q;
    this.k = k;
    this.v = v;
    this.cache = cache;
    this.step = step;
    runRows(k.rows());
  }

  @Override
  void rows(int from, int to) {
    rope.rotate(q, step, from, to);
    rope.rotate(k, step, from, to);
    long rowBytes = (long) k.columns() * Float.BYTES;
    for (int row = from; row < to; row++) {
      int position = step.position(row);
      int block = step.blocks(row)[position / cache.blockSize()];
      int slot = position % cache.blockSize();
      backend
          .kernels()
          .storeKv(cache, block, slot, k.data(), row * rowBytes, v.data(), row * rowBytes);
    }
  }
}
