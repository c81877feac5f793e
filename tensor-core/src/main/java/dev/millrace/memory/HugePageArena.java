package dev.millrace.memory;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * An arena for what is read from end to end again and again, weights and caches: it cuts memory out
 * of slabs for which huge pages are asked, so that few page walks stand between the reads. Slabs
 * are aligned to huge pages and shared by small pieces. Where the system has no such pages it is
 * like any other arena; memory becomes resident when it is first touched.
 *
 * <p>For several threads, as {@link Arena#ofShared}.
 */
public final class HugePageArena implements Arena {
  private static final long PAGE = 2L << 20;

  /** Small pieces' slab: few enough of them, and little that is never touched. */
  private static final long SLAB = 16 * PAGE;

  private final Arena owner = Arena.ofShared(); // its scope is that of all slabs
  private MemorySegment slab = MemorySegment.NULL;
  private long used; // bytes of the slab

  private HugePageArena() {}

  public static Arena open() {
    return Pages.areSupported() ? new HugePageArena() : Arena.ofShared();
  }

  /**
   * @throws OutOfMemoryError if the system hasn't as much
   */
  @Override
  public synchronized MemorySegment allocate(long byteSize, long byteAlignment) {
    if (byteSize < 0 || byteAlignment < 1 || byteAlignment > PAGE) {
      throw new IllegalArgumentException(
          byteSize + " bytes aligned to " + byteAlignment + ": alignments up to " + PAGE);
    }
    if (byteSize >= SLAB / 2) {
      return map(byteSize).asSlice(0, byteSize);
    }
    long from = Math.ceilDiv(used, byteAlignment) * byteAlignment;
    if (from + byteSize > slab.byteSize()) {
      slab = map(SLAB);
      from = 0;
    }
    used = from + byteSize;
    return slab.asSlice(from, byteSize);
  }

  /** Whole huge pages, at least as many bytes. */
  @SuppressWarnings("restricted") // to live as long as the arena
  private MemorySegment map(long bytes) {
    long whole = Math.ceilDiv(bytes, PAGE) * PAGE;
    MemorySegment pages;
    try {
      pages = Pages.map(whole + PAGE); // room for aligning
    } catch (IllegalStateException refused) {
      OutOfMemoryError error = new OutOfMemoryError(whole + " bytes: " + refused.getMessage());
      error.initCause(refused);
      throw error;
    }
    MemorySegment owned = pages.reinterpret(owner, Pages::unmap);
    long start = Math.ceilDiv(owned.address(), PAGE) * PAGE - owned.address();
    MemorySegment aligned = owned.asSlice(start, whole);
    try {
      Pages.adviseHuge(aligned);
    } catch (IllegalStateException noHugePages) {
      return aligned; // small ones do as well, only slower
    }
    return aligned;
  }

  @Override
  public MemorySegment.Scope scope() {
    return owner.scope();
  }

  @Override
  public void close() {
    owner.close();
  }
}
