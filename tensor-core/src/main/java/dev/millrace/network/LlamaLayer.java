package dev.millrace.network;

import dev.millrace.kv.KvLayer;
import dev.millrace.network.Workspace.TokenBuffers;
import dev.millrace.tensor.Dim.HeadDim;
import dev.millrace.tensor.Dim.Heads;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.KvHeads;
import dev.millrace.tensor.Dim.Product;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Matrix;
import dev.millrace.trace.Probe;

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
  record Shared(
      Together together, Rope rope, KvWriter writer, Attention attention, SwiGlu swiGlu) {}

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
            loader.linear(prefix + "ffn_gate.weight", sizes.hidden(), sizes.ffn()),
            loader.linear(prefix + "ffn_up.weight", sizes.hidden(), sizes.ffn()),
            loader.linear(prefix + "ffn_down.weight", sizes.ffn(), sizes.hidden()),
            shared.together(),
            shared.swiGlu()),
        shared);
  }

  /** Adds to the residual stream x. */
  void apply(
      Matrix<Tokens, Hidden> x, KvLayer cache, Step step, TokenBuffers buffers, Probe network) {
    Probe probe = network.within(prefix);

    Activations<Tokens, Hidden> h = norm.apply(x, buffers.normed());
    probe.see("attn_norm", h.values());

    Matrix<Tokens, Product<Heads, HeadDim>> q = buffers.q();
    Matrix<Tokens, Product<KvHeads, HeadDim>> k = buffers.k();
    Matrix<Tokens, Product<KvHeads, HeadDim>> v = buffers.v();
    shared.together.run(query.task(h, q), key.task(h, k), value.task(h, v));
    shared.rope.rotate(q, step);
    shared.rope.rotate(k, step);
    probe.see("attn_q", q);
    probe.see("attn_k", k);
    probe.see("attn_v", v);

    shared.writer.store(k, v, cache, step);
    Activations<Tokens, Product<Heads, HeadDim>> a =
        shared.attention.apply(q, cache, step, buffers.attended());
    probe.see("attn", a.values());

    output.addTo(x, a, buffers.projected());
    probe.see("attn_residual", x);

    feedForward.addTo(x, buffers, probe);
  }
}
