package dev.millrace.tokenizer;

import java.util.Arrays;

/**
 * Byte-pair encoding of one word: of all neighbours that may merge, always those with the lowest
 * priority value, the leftmost first, until none is left. Symbols are a linked list over arrays,
 * pairs wait in a binary heap; n symbols cost O(n log n) whatever the word.
 *
 * <p>A pair that is gone when its turn comes is recognized by its priority: every pair that exists
 * has an entry of its own, so an entry counts exactly when the pair that now starts there has that
 * priority.
 *
 * <p>One word at a time: {@link #start}, {@link #add} each symbol, {@link #merge}, then walk from
 * symbol 0 by {@link #next}. Reused between words; not thread-safe.
 */
final class PairMerger {
  /** What may merge. */
  interface Pairs {
    long NONE = Long.MIN_VALUE;

    /**
     * @param left and right, neighbouring symbols, which span [from, to) of the text
     * @return {@link #candidate}, or {@link #NONE}
     */
    long find(int left, int right, int from, int to);

    /**
     * @param priority lower goes first; above Integer.MIN_VALUE
     * @param symbol what the two become
     */
    static long candidate(int priority, int symbol) {
      return (long) priority << 32 | (symbol & LOW);
    }
  }

  private static final long LOW = 0xFFFF_FFFFL;
  private static final int END = -1;

  private int count;
  private int end;
  private int[] symbols = new int[64];
  private int[] starts = new int[64];
  private int[] next = new int[64];
  private int[] previous = new int[64];
  // candidates[i]: what symbol i and the one after it may become.
  private long[] candidates = new long[64];

  // A binary heap of (priority, index of the left symbol), smallest first.
  private long[] heap = new long[64];
  private int heapSize;

  private long steps;

  /** Begins a word. */
  void start() {
    count = 0;
    heapSize = 0;
  }

  /** Appends a symbol that spans [from, to) of the text. */
  void add(int symbol, int from, int to) {
    if (count == symbols.length) {
      int capacity = Math.multiplyExact(count, 2);
      symbols = Arrays.copyOf(symbols, capacity);
      starts = Arrays.copyOf(starts, capacity);
      next = Arrays.copyOf(next, capacity);
      previous = Arrays.copyOf(previous, capacity);
      candidates = Arrays.copyOf(candidates, capacity);
    }
    symbols[count] = symbol;
    starts[count] = from;
    previous[count] = count - 1;
    next[count] = count + 1;
    count++;
    end = to;
  }

  void merge(Pairs pairs) {
    if (count == 0) {
      return;
    }
    next[count - 1] = END;
    for (int i = 0; i < count; i++) {
      update(i, pairs);
    }
    while (heapSize > 0) {
      long entry = pop();
      int left = (int) entry;
      long candidate = candidates[left];
      if (candidate == Pairs.NONE || candidate >> 32 != entry >> 32) {
        continue;
      }
      int right = next[left];
      int after = next[right];
      symbols[left] = (int) candidate;
      candidates[right] = Pairs.NONE;
      next[left] = after;
      if (after != END) {
        previous[after] = left;
      }
      update(left, pairs);
      if (left > 0) {
        update(previous[left], pairs);
      }
    }
  }

  /** The symbol after i, or a negative number at the end. Symbol 0 is the first. */
  int next(int i) {
    return next[i];
  }

  int symbol(int i) {
    return symbols[i];
  }

  /** Where symbol i begins in the text. */
  int from(int i) {
    return starts[i];
  }

  /** Where symbol i ends in the text. */
  int to(int i) {
    return next[i] == END ? end : starts[next[i]];
  }

  /** Moves in the heap since this was made: what a test holds to n log n. */
  long steps() {
    return steps;
  }

  private void update(int left, Pairs pairs) {
    int right = next[left];
    candidates[left] =
        right == END
            ? Pairs.NONE
            : pairs.find(symbols[left], symbols[right], starts[left], to(right));
    if (candidates[left] != Pairs.NONE) {
      push(candidates[left] & ~LOW | left);
    }
  }

  private void push(long entry) {
    if (heapSize == heap.length) {
      heap = Arrays.copyOf(heap, Math.multiplyExact(heapSize, 2));
    }
    int at = heapSize++;
    while (at > 0 && heap[(at - 1) / 2] > entry) {
      heap[at] = heap[(at - 1) / 2];
      at = (at - 1) / 2;
      steps++;
    }
    heap[at] = entry;
    steps++;
  }

  private long pop() {
    long smallest = heap[0];
    long entry = heap[--heapSize];
    int at = 0;
    while (2 * at + 1 < heapSize) {
      int child = 2 * at + 1;
      if (child + 1 < heapSize && heap[child + 1] < heap[child]) {
        child++;
      }
      if (heap[child] >= entry) {
        break;
      }
      heap[at] = heap[child];
      at = child;
      steps++;
    }
    heap[at] = entry;
    steps++;
    return smallest;
  }
}
