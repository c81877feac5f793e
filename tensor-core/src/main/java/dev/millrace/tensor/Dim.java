package dev.millrace.tensor;

/**
 * What a dimension of a matrix means. Dimensions exist for the compiler only: they are erased at
 * run time and never instantiated. Sizes are bound to them once, when a model is loaded.
 */
public sealed interface Dim {
  /** Rows of a ragged step: one per token. */
  non-sealed interface Tokens extends Dim {}

  /** Rows of a step whose logits are wanted. */
  non-sealed interface LogitRows extends Dim {}

  /** The residual stream; "n_embd". */
  non-sealed interface Hidden extends Dim {}

  /** Query heads. */
  non-sealed interface Heads extends Dim {}

  /** Key and value heads; fewer than query heads in GQA, one in MQA. */
  non-sealed interface KvHeads extends Dim {}

  /** Features of one head. */
  non-sealed interface HeadDim extends Dim {}

  /** The feed-forward network's inner features. */
  non-sealed interface Ffn extends Dim {}

  /** Entries of the vocabulary. */
  non-sealed interface Vocab extends Dim {}

  /** A × B features laid out as A groups of B. */
  non-sealed interface Product<A extends Dim, B extends Dim> extends Dim {}
}
