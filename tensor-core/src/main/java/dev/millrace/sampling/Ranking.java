package dev.millrace.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.millrace.kernel.Kernels;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Order among a row's logits: larger first, equal ones by lowest id. */
final class Ranking {
  private final Kernels kernels;
  private final CutSearch search;
  private final int[] selected; // [vocabulary]
  private final int[] counts = new int[2];

  Ranking(Kernels kernels, CutSearch search, int vocabulary) {
    this.kernels = kernels;
    this.search = search;
    this.selected = new int[vocabulary];
  }

  /** Sorts as the ranking does; its low half is the id. */
  static long key(float logit, int id) {
    return (long) ~order(logit) << Integer.SIZE | id;
  }

  /** Ascends with the float, by 1 from one to the next. */
  static int order(float value) {
    int bits = Float.floatToIntBits(value + 0f); // -0 is 0
    return bits ^ bits >> 31 & Integer.MAX_VALUE;
  }

  /** The float of an {@link #order}. */
  static float inOrder(int order) {
    return Float.intBitsToFloat(order ^ order >> 31 & Integer.MAX_VALUE);
  }

  /** The id's place, from 1. */
  int rank(MemorySegment row, int vocabulary, int id) {
    float logit = row.getAtIndex(JAVA_FLOAT, id);
    search.count(row, vocabulary, logit, Math.nextUp(logit), counts);
    int equal = counts[0] - counts[1];
    int before = counts[1];
    if (equal > 1) {
      kernels.select(row, 0, vocabulary, logit, Math.nextUp(logit), selected);
      before += Arrays.binarySearch(selected, 0, equal, id);
    }
    return before + 1;
  }

  /** The first {@code most} ids, fewer where there are fewer that may be chosen. */
  int[] top(MemorySegment row, int vocabulary, int most) {
    if (most == 0) {
      return new int[0];
    }
    float max = row.getAtIndex(JAVA_FLOAT, kernels.argmax(row, 0, vocabulary));
    Cut cut = search.ofCount(row, vocabulary, max, most);
    int count = kept(row, vocabulary, cut, selected);
    long[] ranked = new long[count];
    for (int i = 0; i < count; i++) {
      ranked[i] = key(row.getAtIndex(JAVA_FLOAT, selected[i]), selected[i]);
    }
    Arrays.sort(ranked);
    return Arrays.stream(ranked).mapToInt(key -> (int) key).toArray();
  }

  /** Writes the ids that a cut keeps, ascending; returns how many they are. */
  int kept(MemorySegment row, int vocabulary, Cut cut, int[] into) {
    int count = kernels.select(row, 0, vocabulary, cut.least(), Float.POSITIVE_INFINITY, into);
    if (!cut.splitsEqualOnes()) {
      return count;
    }
    int kept = 0;
    for (int i = 0; i < count; i++) {
      int id = into[i];
      if (cut.keeps(row.getAtIndex(JAVA_FLOAT, id), id)) {
        into[kept++] = id;
      }
    }
    return kept;
  }
}
