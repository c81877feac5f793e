package dev.millrace.model;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.SegmentAllocator;

/** Where a tensor's bytes come from. For several threads at once. */
@FunctionalInterface
public interface TensorContent {
  /**
   * Bytes [from, from + count), which begin and end with a row, or with the whole tensor: where
   * they lie in memory, or made anew.
   *
   * @param scratch where to put what must be made
   */
  MemorySegment read(long from, long count, SegmentAllocator scratch);

  /** Bytes that lie in memory. */
  static TensorContent of(MemorySegment data) {
    return (from, count, _) -> data.asSlice(from, count);
  }
}
