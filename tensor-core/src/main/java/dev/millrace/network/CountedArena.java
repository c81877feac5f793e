package dev.millrace.network;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.MemorySegment.Scope;
import java.util.concurrent.atomic.AtomicLong;

/** An arena that tells how much was allocated through it. Shares memory and life with another. */
final class CountedArena implements Arena {
  private final Arena arena;
  private final AtomicLong bytes = new AtomicLong();

  CountedArena(Arena arena) {
    this.arena = arena;
  }

  long bytes() {
    return bytes.get();
  }

  @Override
  public MemorySegment allocate(long byteSize, long byteAlignment) {
    bytes.addAndGet(byteSize);
    return arena.allocate(byteSize, byteAlignment);
  }

  @Override
  public Scope scope() {
    return arena.scope();
  }

  @Override
  public void close() {
    arena.close();
  }
}
