package dev.millrace.memory;

import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.assertj.core.api.Assertions.assertThat;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class PrefaultTest {
  private static final long BYTES = (5L << 20) + 8; // no whole number of pages

  @Test
  void whatIsWrittenMeanwhileStays() throws InterruptedException {
    try (Arena arena = HugePageArena.open()) {
      MemorySegment first = arena.allocate(BYTES, 64);
      MemorySegment second = arena.allocate(BYTES, 64);
      first.setAtIndex(JAVA_LONG, 0, 1);
      try (Prefault prefault = Prefault.start(List.of(first, second))) {
        second.setAtIndex(JAVA_LONG, BYTES / 8 - 1, 2);

        assertThat(prefault.await(Duration.ofSeconds(10))).isTrue();
      }
      assertThat(first.getAtIndex(JAVA_LONG, 0)).isEqualTo(1);
      assertThat(second.getAtIndex(JAVA_LONG, BYTES / 8 - 1)).isEqualTo(2);
      assertThat(second.getAtIndex(JAVA_LONG, 0)).isZero();
    }
  }

  @Test
  void itsEndIsAwaitedBeforeMemoryIsGivenBack() {
    Arena arena = HugePageArena.open();
    Prefault prefault =
        Prefault.start(List.of(arena.allocate(64L << 20, 64), arena.allocate(64L << 20, 64)));
    prefault.close();

    arena.close(); // no thread is in it any more
  }
}
