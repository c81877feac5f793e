package dev.millrace.network;

import dev.millrace.network.Workspace.TokenBuffers;
import dev.millrace.tensor.Dim.Ffn;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.Tokens;
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

  /** Adds to the residual stream x. */
  void addTo(Matrix<Tokens, Hidden> x, TokenBuffers buffers, Probe probe) {
    Activations<Tokens, Hidden> h = norm.apply(x, buffers.normed());
    probe.see("ffn_norm", h.values());

    Matrix<Tokens, Ffn> g = buffers.gate();
    Matrix<Tokens, Ffn> u = buffers.up();
    together.run(gate.task(h, g), up.task(h, u));
    Activations<Tokens, Ffn> inner = swiGlu.apply(g, u, buffers.gated());
    probe.see("ffn_swiglu", inner.values());

    down.addTo(x, inner, buffers.projected());
    probe.see("ffn_residual", x);
  }
}
