package dev.millrace.engine;

import dev.millrace.request.GenerationRequest;
import dev.millrace.sampling.SampledToken;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A model whose next token is a hash of the whole context. It keeps tokens in the sequence's blocks
 * as a real model keeps keys and values, and reads the whole context back from there for every
 * token. So a token that is lost, repeated or crossed, and a block that is stale, freed or somebody
 * else's, shows in all that follows.
 *
 * <p>Requests with large seeds often repeat what stands some tokens before, so that it can be
 * guessed; which ones and how often, their seeds say.
 */
public final class HashModel implements StepModel {
  private final int contextLength;
  private final int blockSize;
  private final int vocabulary;
  private final int[] stored; // [blocks * blockSize], the token at that place
  private final String[] salts; // [blocks], of whoever wrote there last
  private Consumer<StepPlan> beforeStep = plan -> {};

  public HashModel(EngineSettings settings, int contextLength, int vocabulary) {
    this.contextLength = contextLength;
    this.blockSize = settings.blockSize();
    this.vocabulary = vocabulary;
    this.stored = new int[settings.kvBlocks() * settings.blockSize()];
    this.salts = new String[settings.kvBlocks()];
    Arrays.fill(salts, "");
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
  public List<List<SampledToken>> step(StepPlan plan) {
    beforeStep.accept(plan);
    for (StepPlan.Copy copy : plan.copies()) {
      int from = copy.from() * blockSize;
      System.arraycopy(stored, from, stored, copy.to() * blockSize, blockSize);
      salts[copy.to()] = salts[copy.from()];
    }
    plan.entries().forEach(this::store);
    return plan.entries().stream()
        .filter(StepPlan.Entry::samples)
        .map(entry -> Verification.draw(entry, drawer(entry.sequence())))
        .toList();
  }

  private Verification.Draw drawer(Sequence sequence) {
    return (row, position, forbidden, allowed) -> {
      int id =
          next(
              read(sequence, position),
              sequence.request(),
              sequence.candidate(),
              forbidden(forbidden, allowed),
              vocabulary);
      return new SampledToken(id, Float.NaN, 0, List.of());
    };
  }

  private int[] forbidden(int[] forbidden, long @Nullable [] allowed) {
    return allowed == null
        ? forbidden
        : IntStream.concat(
                IntStream.of(forbidden),
                IntStream.range(0, vocabulary).filter(id -> (allowed[id >> 6] >>> id & 1) == 0))
            .toArray();
  }

  private void store(StepPlan.Entry entry) {
    Sequence sequence = entry.sequence();
    for (int i = entry.position(); i < entry.position() + entry.count(); i++) {
      int block = sequence.blocks().block(i / blockSize);
      stored[block * blockSize + i % blockSize] = sequence.tokens()[i];
      salts[block] = sequence.request().scheduling().cacheSalt();
    }
  }

  private List<Integer> read(Sequence sequence, int positions) {
    String salt = sequence.request().scheduling().cacheSalt();
    List<Integer> context = new ArrayList<>(positions);
    for (int i = 0; i < positions; i++) {
      int block = sequence.blocks().block(i / blockSize);
      if (!salts[block].equals(salt)) {
        throw new IllegalStateException(
            "%s with salt %s reads block %d of salt %s"
                .formatted(sequence, salt, block, salts[block]));
      }
      context.add(stored[block * blockSize + i % blockSize]);
    }
    return context;
  }

  /** The token at a position, from the context in front of it. */
  public static int next(
      List<Integer> context,
      GenerationRequest request,
      int candidate,
      int[] forbidden,
      int vocabulary) {
    long hash = 0;
    for (int token : context) {
      hash = mix(hash, token);
    }
    long seed = request.sampling().seed();
    long draw = mix(hash + seed + 31L * candidate, context.size());
    int[] allowed =
        IntStream.range(0, vocabulary)
            .filter(id -> Arrays.stream(forbidden).noneMatch(other -> other == id))
            .toArray();
    int back = 1 + (int) (seed >>> 32 & 3);
    int repeated = context.size() < back ? -1 : context.get(context.size() - back);
    boolean repeats = (draw >>> 60) < (seed >>> 40 & 3) * 5; // never to 15 times of 16
    return repeats && Arrays.stream(allowed).anyMatch(id -> id == repeated)
        ? repeated
        : allowed[(int) Long.remainderUnsigned(draw, allowed.length)];
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
