package dev.millrace.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

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

  private static final MemorySegment FORBIDDEN_WORD = forbiddenWord();

  private final int vocabulary;
  private final MemorySegment processed;
  private final int[] outputCounts; // by id; NONE between two rows
  private static final int NONE = -1;

  LogitProcessor(int vocabulary, Arena arena) {
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
    if (settings.logitBias().isEmpty()
        && settings.penalties().areOff()
        && forbidden.length == 0
        && allowed == null) {
      return raw;
    }
    processed.copyFrom(raw);
    bias(settings.logitBias());
    if (!settings.penalties().areOff()) {
      penalize(settings.penalties(), history);
    }
    forbid(forbidden, allowed);
    return processed;
  }

  /** The same with nothing changed but what can't be chosen. */
  MemorySegment choosable(MemorySegment raw, int[] forbidden, long @Nullable [] allowed) {
    if (forbidden.length == 0 && allowed == null) {
      return raw;
    }
    processed.copyFrom(raw);
    forbid(forbidden, allowed);
    return processed;
  }

  private void forbid(int[] forbidden, long @Nullable [] allowed) {
    for (int id : forbidden) {
      set(id, FORBIDDEN);
    }
    if (allowed != null) {
      mask(allowed);
    }
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

  /** A mask's word of tokens. */
  private static MemorySegment forbiddenWord() {
    float[] word = new float[Long.SIZE];
    Arrays.fill(word, FORBIDDEN);
    return MemorySegment.ofArray(word);
  }

  private void mask(long[] allowed) {
    if (allowed.length != Math.ceilDiv(vocabulary, Long.SIZE)) {
      throw new IllegalArgumentException(
          "a mask of %d words; %d tokens need %d"
              .formatted(allowed.length, vocabulary, Math.ceilDiv(vocabulary, Long.SIZE)));
    }
    for (int word = 0; word < allowed.length; word++) {
      int from = word * Long.SIZE;
      int count = Math.min(Long.SIZE, vocabulary - from);
      long all = -1L >>> Long.SIZE - count;
      long banned = ~allowed[word] & all;
      if (banned == all) { // as most are under a narrow format: one copy, not many stores
        long at = (long) from * Float.BYTES;
        MemorySegment.copy(FORBIDDEN_WORD, 0, processed, at, (long) count * Float.BYTES);
        continue;
      }
      for (; banned != 0; banned &= banned - 1) {
        processed.setAtIndex(JAVA_FLOAT, from + Long.numberOfTrailingZeros(banned), FORBIDDEN);
      }
    }
  }

  private float get(int id) {
    return processed.getAtIndex(JAVA_FLOAT, id);
  }

  /** Keeps logits finite, whatever was added or multiplied. */
  private void set(int id, float logit) {
    processed.setAtIndex(JAVA_FLOAT, id, Math.clamp(logit, FORBIDDEN, Float.MAX_VALUE));
  }
}
