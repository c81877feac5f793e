package dev.millrace.network;

import dev.millrace.tensor.Dim;
import dev.millrace.tensor.Dim.Ffn;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Matrix;
import dev.millrace.trace.Probe;

/** A layer's second half: x + down(silu(gate(h))·up(h)), with h = norm(x). */
record FeedForward(
    RmsNorm<Hidden> norm,
    Linear<Hidden, Ffn> gate,
    Linear<Hidden, Ffn> up,
    Linear<Ffn, Hidden> down,
    Together together,
    SwiGlu swiGlu) {

  /** The same weights, used by another team. */
  FeedForward on(Backend backend, Together together, SwiGlu swiGlu) {
    return new FeedForward(
        norm.on(backend), gate.on(backend), up.on(backend), down.on(backend), together, swiGlu);
  }

  /** Adds to the residual stream x. */
  <R extends Dim> void addTo(Matrix<R, Hidden> x, LayerBuffers<R> buffers, Probe probe) {
    Activations<R, Hidden> h = norm.apply(x, buffers.normed());
    probe.see("ffn_norm", h.values());

    Matrix<R, Ffn> g = buffers.gate();
    Matrix<R, Ffn> u = buffers.up();
    together.run(gate.task(h, g), up.task(h, u));
    Activations<R, Ffn> inner = swiGlu.apply(g, u, buffers.gated());
    probe.see("ffn_swiglu", inner.values());

    down.addTo(x, inner, buffers.projected());
    probe.see("ffn_residual", x);
  }
}
