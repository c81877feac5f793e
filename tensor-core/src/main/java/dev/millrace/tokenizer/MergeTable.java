package dev.millrace.tokenizer;

import java.util.Arrays;

/**
 * Which pairs of symbols merge, at what rank, into what. Found by binary search among the left
 * symbol's merges: no hashing, so no file can make look-ups slow.
 */
final class MergeTable implements PairMerger.Pairs {
  // offsets[left] .. offsets[left + 1]: that symbol's entries.
  private final int[] offsets;
  // right << 32 | rank, ascending within a left symbol.
  private final long[] entries;
  // results[rank]: the symbol that the pair becomes.
  private final int[] results;

  /**
   * @param symbols how many there are; all others are below
   * @param lefts by rank, as rights and results
   */
  MergeTable(int symbols, int[] lefts, int[] rights, int[] results) {
    this.results = results;
    offsets = new int[symbols + 1];
    for (int left : lefts) {
      offsets[left + 1]++;
    }
    for (int i = 0; i < symbols; i++) {
      offsets[i + 1] += offsets[i];
    }
    entries = new long[offsets[symbols]];
    int[] filled = offsets.clone();
    for (int rank = 0; rank < lefts.length; rank++) {
      entries[filled[lefts[rank]]++] = (long) rights[rank] << 32 | rank;
    }
    for (int i = 0; i < symbols; i++) {
      Arrays.sort(entries, offsets[i], offsets[i + 1]);
    }
  }

  @Override
  public long find(int left, int right, int from, int to) {
    int low = offsets[left];
    int end = offsets[left + 1];
    int high = end;
    long wanted = (long) right << 32;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (entries[middle] < wanted) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    if (low == end || entries[low] >> 32 != right) {
      return NONE;
    }
    int rank = (int) entries[low];
    return PairMerger.Pairs.candidate(rank, results[rank]);
  }
}
