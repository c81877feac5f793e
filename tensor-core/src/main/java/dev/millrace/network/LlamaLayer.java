package dev.millrace.network;

import dev.millrace.kv.KvLayer;
import dev.millrace.kv.KvPool;
import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.HeadDim;
import dev.millrace.tensor.Dim.Heads;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.KvHeads;
import dev.millrace.tensor.Dim.Product;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Matrix;
import dev.millrace.trace.Probe;
import java.lang.foreign.Arena;
import java.util.List;

/** One layer: x + attention(norm(x)), then x + feedForward(norm(x)). */
record LlamaLayer(
    String prefix,
    RmsNorm<Hidden> norm,
    Linear<Hidden, Product<Heads, HeadDim>> query,
    Linear<Hidden, Product<KvHeads, HeadDim>> key,
    Linear<Hidden, Product<KvHeads, HeadDim>> value,
    Linear<Product<Heads, HeadDim>, Hidden> output,
    FeedForward feedForward,
    Shared shared) {

  /** What all layers use alike: no weights of their own. */
  record Shared(Together together, KvWriter writer, Attention attention) {

    /** The same, used by another team for at most {@code maxRows} at once. */
    Shared on(Backend backend, Sizes sizes, int maxRows, int maxContext, Arena arena) {
      return new Shared(
          new Together(backend.team()),
          writer.on(backend),
          new Attention(backend, sizes, maxRows, maxContext, arena));
    }
  }

  static LlamaLayer load(
      LayerLoader loader, int index, NetworkConfig config, Sizes sizes, Shared shared) {
    String prefix = "blk." + index + ".";
    return new LlamaLayer(
        prefix,
        loader.norm(prefix + "attn_norm.weight", sizes.hidden(), config.rmsEpsilon()),
        loader.linear(prefix + "attn_q.weight", sizes.hidden(), sizes.queries()),
        loader.linear(prefix + "attn_k.weight", sizes.hidden(), sizes.keys()),
        loader.linear(prefix + "attn_v.weight", sizes.hidden(), sizes.keys()),
        loader.linear(prefix + "attn_output.weight", sizes.queries(), sizes.hidden()),
        new FeedForward(
            loader.norm(prefix + "ffn_norm.weight", sizes.hidden(), config.rmsEpsilon()),
            loader.swiGlu(
                prefix + "ffn_gate.weight", prefix + "ffn_up.weight", sizes.hidden(), sizes.ffn()),
            loader.linear(prefix + "ffn_down.weight", sizes.ffn(), sizes.hidden())),
        shared);
  }

  /** The same weights, used by another team. */
  LlamaLayer on(Backend backend, Shared shared) {
    return new LlamaLayer(
        prefix,
        norm.on(backend),
        query.on(backend),
        key.on(backend),
        value.on(backend),
        output.on(backend),
        feedForward.on(backend),
        shared);
  }

  /**
   * What rows do from one attention until they have to wait for each other at the next: the second
   * half of the layer before {@code stage}, and the first half of this one.
   */
  static void stage(
      int stage,
      List<LlamaLayer> layers,
      Carried<Tokens> rows,
      KvPool pool,
      StepRows step,
      LayerBuffers<Tokens> buffers,
      Probe probe) {
    if (stage > 0) {
      layers.get(stage - 1).attendAndFeed(rows, pool.layer(stage - 1), step, buffers, probe);
    }
    layers.get(stage).project(rows, pool.layer(stage), step, buffers, probe);
  }

  /** Makes the rows' queries; puts their keys and values into the cache, for all rows to see. */
  void project(
      Carried<Tokens> rows,
      KvLayer cache,
      StepRows step,
      LayerBuffers<Tokens> buffers,
      Probe network) {
    Probe probe = network.within(prefix);

    Activations<Tokens, Hidden> h = norm.apply(rows.x(), buffers.normed());
    probe.see("attn_norm", h.values());

    Matrix<Tokens, Product<Heads, HeadDim>> q = rows.q();
    Matrix<Tokens, Product<KvHeads, HeadDim>> k = buffers.k();
    Matrix<Tokens, Product<KvHeads, HeadDim>> v = buffers.v();
    shared.together.run(query.task(h, q), key.task(h, k), value.task(h, v));
    shared.writer.rotateAndStore(q, k, v, cache, step);
    probe.see("attn_q", q);
    probe.see("attn_k", k);
    probe.see("attn_v", v);
  }

  /** Adds attention and the feed-forward part to the residual stream. */
  <R extends Dim> void attendAndFeed(
      Carried<R> rows, KvLayer cache, StepRows step, LayerBuffers<R> buffers, Probe network) {
    Probe probe = network.within(prefix);

    Activations<R, Product<Heads, HeadDim>> a =
        shared.attention.apply(rows.q(), cache, step, buffers.attended());
    probe.see("attn", a.values());

    output.addTo(rows.x(), a, buffers.projected());
    probe.see("attn_residual", rows.x());

    feedForward.addTo(rows.x(), buffers, probe);
  }
}
