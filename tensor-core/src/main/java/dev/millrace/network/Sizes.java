package dev.millrace.network;

import dev.millrace.tensor.Dim.Ffn;
import dev.millrace.tensor.Dim.HeadDim;
import dev.millrace.tensor.Dim.Heads;
import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.KvHeads;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Product;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Size;

/** The configuration's sizes, bound to the dimensions that they are sizes of. */
record Sizes(
    Size<Tokens> tokens,
    Size<LogitRows> logitRows,
    Size<Hidden> hidden,
    Size<Heads> heads,
    Size<KvHeads> kvHeads,
    Size<HeadDim> headDim,
    Size<Ffn> ffn,
    Size<Vocab> vocabulary) {

  static Sizes of(NetworkConfig config, StepLimits limits) {
    return new Sizes(
        new Size<>(limits.maxTokens()),
        new Size<>(limits.maxLogitRows()),
        new Size<>(config.hidden()),
        new Size<>(config.heads()),
        new Size<>(config.kvHeads()),
        new Size<>(config.headDim()),
        new Size<>(config.ffn()),
        new Size<>(config.vocabulary()));
  }

  /** All query heads' features. */
  Size<Product<Heads, HeadDim>> queries() {
    return Size.product(heads, headDim);
  }

  /** All key or value heads' features. */
  Size<Product<KvHeads, HeadDim>> keys() {
    return Size.product(kvHeads, headDim);
  }
}
