package dev.millrace.memory;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HugePageArenaTest {
  @Test
  void piecesAreZeroedAlignedAndApart() {
    Random random = new Random(5);
    try (Arena arena = HugePageArena.open()) {
      List<MemorySegment> pieces = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        long bytes = i % 50 == 0 ? 40L << 20 : random.nextInt(1 << 20);
        long alignment = 1L << random.nextInt(13);
        MemorySegment piece = arena.allocate(bytes, alignment);
        assertThat(piece.byteSize()).isEqualTo(bytes);
        assertThat(piece.address() % alignment).isZero();
        if (bytes > 0) {
          assertThat(piece.get(ValueLayout.JAVA_BYTE, 0)).isZero();
          assertThat(piece.get(ValueLayout.JAVA_BYTE, bytes - 1)).isZero();
          piece.set(ValueLayout.JAVA_BYTE, 0, (byte) i);
          piece.set(ValueLayout.JAVA_BYTE, bytes - 1, (byte) i);
        }
        pieces.add(piece);
      }
      for (int i = 0; i < pieces.size(); i++) {
        MemorySegment piece = pieces.get(i);
        if (piece.byteSize() > 0) {
          assertThat(piece.get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) i);
          assertThat(piece.get(ValueLayout.JAVA_BYTE, piece.byteSize() - 1)).isEqualTo((byte) i);
        }
      }
    }
  }

  @Test
  void closingFreesAllPieces() {
    Arena arena = HugePageArena.open();
    MemorySegment small = arena.allocate(8, 8);
    MemorySegment large = arena.allocate(64L << 20, 64);
    arena.close();

    assertThatThrownBy(() -> small.get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> large.get(ValueLayout.JAVA_BYTE, 0))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(() -> arena.allocate(64L << 20, 64))
        .isInstanceOf(IllegalStateException.class);
  }

  @Test
  void whatTheSystemDoesNotHaveIsAnOutOfMemoryError() {
    try (Arena arena = HugePageArena.open()) {
      assertThatThrownBy(() -> arena.allocate(1L << 60, 64)).isInstanceOf(OutOfMemoryError.class);
    }
  }
}
