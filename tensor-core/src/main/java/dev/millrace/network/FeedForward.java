package dev.millrace.network;

import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.Ffn;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Matrix;
import dev.millrace.trace.Probe;

/** A layer's second half: x + down(silu(gate(h))·up(h)), with h = norm(x). */
record FeedForward(RmsNorm<Hidden> norm, SwiGlu swiGlu, Linear<Ffn, Hidden> down) {

  /** The same weights, used by another team. */
  FeedForward on(Backend backend) {
    return new FeedForward(norm.on(backend), swiGlu.on(backend), down.on(backend));
  }

  /** Adds to the residual stream x. */
  <R extends Dim> void addTo(Matrix<R, Hidden> x, LayerBuffers<R> buffers, Probe probe) {
    Activations<R, Hidden> h = norm.apply(x, buffers.normed());
    probe.see("ffn_norm", h.values());

    Activations<R, Ffn> inner = swiGlu.apply(h, buffers.gate(), buffers.up(), buffers.gated());
    probe.see("ffn_swiglu", inner.values());

    down.addTo(x, inner, buffers.projected());
    probe.see("ffn_residual", x);
  }
}
