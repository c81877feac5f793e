package dev.millrace.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Order among a row's logits: larger first, equal ones by lowest id. */
final class Ranking {
  private Ranking() {}

  /** The id's place, from 1. */
  static int rank(MemorySegment row, int vocabulary, int id) {
    float value = row.getAtIndex(JAVA_FLOAT, id);
    int before = 0;
    for (int i = 0; i < id; i++) {
      before += row.getAtIndex(JAVA_FLOAT, i) >= value ? 1 : 0;
    }
    for (int i = id + 1; i < vocabulary; i++) {
      before += row.getAtIndex(JAVA_FLOAT, i) > value ? 1 : 0;
    }
    return before + 1;
  }

  /**
   * The first {@code most} ids, fewer where there are fewer above {@link LogitProcessor#FORBIDDEN}.
   */
  static int[] top(MemorySegment row, int vocabulary, int most) {
    int[] ids = new int[most];
    float[] values = new float[most];
    int count = 0;
    float lowest = LogitProcessor.FORBIDDEN; // What a value must exceed to come in.
    for (int id = 0; most > 0 && id < vocabulary; id++) {
      float value = row.getAtIndex(JAVA_FLOAT, id);
      if (!(value > lowest)) {
        continue;
      }
      int at = count < most ? count++ : count - 1;
      while (at > 0 && values[at - 1] < value) {
        ids[at] = ids[at - 1];
        values[at] = values[at - 1];
        at--;
      }
      ids[at] = id;
      values[at] = value;
      lowest = count < most ? LogitProcessor.FORBIDDEN : values[most - 1];
    }
    return Arrays.copyOf(ids, count);
  }
}
