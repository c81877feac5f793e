package dev.millrace.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.Kernels;
import dev.millrace.tensor.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * All that changes a row of logits before tokens are drawn from it, in this order, which is
 * llama.cpp's and vLLM's: bias, penalties, and what is forbidden or not allowed.
 *
 * <p>Logits stay finite: {@link #FORBIDDEN}, the lowest, is what can't be chosen; softmax gives it
 * no weight.
 */
final class LogitProcessor {
  static final float FORBIDDEN = -Float.MAX_VALUE;

  private final Kernels kernels;
  private final int vocabulary;
  private final MemorySegment processed;
  private final int[] outputCounts; // by id; NONE between two rows
  private static final int NONE = -1;

  LogitProcessor(Kernels kernels, int vocabulary, Arena arena) {
    this.kernels = kernels;
    this.vocabulary = vocabulary;
    this.processed = arena.allocate((long) vocabulary * Float.BYTES, Matrix.ALIGNMENT);
    this.outputCounts = new int[vocabulary];
    Arrays.fill(outputCounts, NONE);
  }

  /**
   * @param raw finite; isn't changed
   * @param forbidden ids that can't be chosen
   * @param allowed bit i set: id i may be chosen; null is all
   * @return the processed row, good until the next call: the raw one itself if nothing changes it
   */
  MemorySegment process(
      MemorySegment raw,
      SamplingSettings settings,
      History history,
      int[] forbidden,
      long @Nullable [] allowed) {
    if (settings.logitBias().isEmpty() && settings.penalties().areOff()) {
      return choosable(raw, forbidden, allowed);
    }
    processed.copyFrom(raw);
    bias(settings.logitBias());
    if (!settings.penalties().areOff()) {
      penalize(settings.penalties(), history);
    }
    return choosable(processed, forbidden, allowed);
  }

  /** The same with nothing changed but what can't be chosen. */
  MemorySegment choosable(MemorySegment row, int[] forbidden, long @Nullable [] allowed) {
    if (allowed != null) {
      mask(row, allowed);
    } else if (forbidden.length == 0) {
      return row;
    } else if (!row.equals(processed)) {
      processed.copyFrom(row);
    }
    for (int id : forbidden) {
      set(id, FORBIDDEN);
    }
    return processed;
  }

  private void bias(Map<Integer, Float> biases) {
    biases.forEach((id, bias) -> set(id, get(id) + bias));
  }

  private void penalize(Penalties penalties, History history) {
    int window = penalties.window();
    int from = window == 0 ? 0 : Math.max(0, history.length() - window);
    int[] tokens = history.tokens();
    for (int i = from; i < history.length(); i++) {
      int id = tokens[i];
      int seen = outputCounts[id] == NONE ? 0 : outputCounts[id];
      outputCounts[id] = seen + (i < history.promptLength() ? 0 : 1);
    }
    for (int i = from; i < history.length(); i++) {
      int id = tokens[i];
      if (outputCounts[id] != NONE) { // else it has had its penalty
        float logit = get(id);
        if (logit != FORBIDDEN) { // else a repetition penalty below 1 would bring it back
          set(id, penalties.apply(logit, outputCounts[id]));
        }
        outputCounts[id] = NONE;
      }
    }
  }

  private void mask(MemorySegment row, long[] allowed) {
    if (allowed.length != Math.ceilDiv(vocabulary, Long.SIZE)) {
      throw new IllegalArgumentException(
          "a mask of %d words; %d tokens need %d"
              .formatted(allowed.length, vocabulary, Math.ceilDiv(vocabulary, Long.SIZE)));
    }
    kernels.choose(row, 0, vocabulary, allowed, FORBIDDEN, processed, 0);
  }

  private float get(int id) {
    return processed.getAtIndex(JAVA_FLOAT, id);
  }

  /** Keeps logits finite, whatever was added or multiplied. */
  private void set(int id, float logit) {
    processed.setAtIndex(JAVA_FLOAT, id, Math.clamp(logit, FORBIDDEN, Float.MAX_VALUE));
  }
}
