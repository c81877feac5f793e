package dev.millrace.engine;

import dev.millrace.sampling.SampledToken;
import java.util.List;

/**
 * The engine's view of a model: a step in, the sampled tokens out. The real one runs the network
 * and the sampler; simulations have one that hashes contexts.
 */
public interface StepModel extends AutoCloseable {
  /** Positions of one sequence at most. */
  int contextLength();

  /**
   * Runs a step.
   *
   * @return for each entry of the plan that samples, in the plan's order, what {@link Verification}
   *     draws: one token, and one more for each of a draft's that was right; one with id −1 if the
   *     row's logits weren't finite
   */
  List<List<SampledToken>> step(StepPlan plan);

  @Override
  void close();
}
