package dev.millrace.engine;

import dev.millrace.request.GenerationRequest;
import dev.millrace.sampling.SampledToken;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * A model whose next token is a hash of the whole context. The hash is kept in the sequence's
 * blocks as a real model keeps keys and values, so a lost, repeated or crossed token or block shows
 * in all that follows.
 */
public final class HashModel implements StepModel {
  private final int contextLength;
  private final int blockSize;
  private final int vocabulary;
  private final long[] hashes; // [blocks * blockSize], of the context up to that position
  private Consumer<StepPlan> beforeStep = plan -> {};

  public HashModel(EngineSettings settings, int contextLength, int vocabulary) {
    this.contextLength = contextLength;
    this.blockSize = settings.blockSize();
    this.vocabulary = vocabulary;
    this.hashes = new long[settings.kvBlocks() * settings.blockSize()];
  }

  /** Sees each step before it is computed. */
  public HashModel beforeStep(Consumer<StepPlan> hook) {
    beforeStep = hook;
    return this;
  }

  @Override
  public int contextLength() {
    return contextLength;
  }

  @Override
  public List<SampledToken> step(StepPlan plan) {
    beforeStep.accept(plan);
    List<SampledToken> sampled = new ArrayList<>();
    for (StepPlan.Entry entry : plan.entries()) {
      Sequence sequence = entry.sequence();
      long hash = entry.position() == 0 ? 0 : hashes[slot(sequence, entry.position() - 1)];
      for (int i = entry.position(); i < entry.position() + entry.count(); i++) {
        hash = mix(hash, sequence.tokens()[i]);
        hashes[slot(sequence, i)] = hash;
      }
      if (entry.samples()) {
        sampled.add(
            new SampledToken(
                draw(
                    hash,
                    sequence.request(),
                    sequence.length(),
                    sequence.forbiddenIds(),
                    vocabulary),
                Float.NaN,
                0,
                List.of()));
      }
    }
    return sampled;
  }

  private int slot(Sequence sequence, int position) {
    return sequence.blocks().block(position / blockSize) * blockSize + position % blockSize;
  }

  /** The token at a position, from the context in front of it. */
  public static int next(
      List<Integer> context, GenerationRequest request, int[] forbidden, int vocabulary) {
    long hash = 0;
    for (int token : context) {
      hash = mix(hash, token);
    }
    return draw(hash, request, context.size(), forbidden, vocabulary);
  }

  private static int draw(
      long hash, GenerationRequest request, int position, int[] forbidden, int vocabulary) {
    long draw = mix(hash + request.sampling().seed(), position);
    int[] allowed =
        IntStream.range(0, vocabulary)
            .filter(id -> Arrays.stream(forbidden).noneMatch(other -> other == id))
            .toArray();
    return allowed[(int) Long.remainderUnsigned(draw, allowed.length)];
  }

  private static long mix(long hash, long value) { // the finalizer of SplitMix64
    long z = hash * 31 + value + 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }

  @Override
  public void close() {}
}
