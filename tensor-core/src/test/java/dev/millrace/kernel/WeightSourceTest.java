package dev.millrace.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kernel.emitted.EmittedKernels;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.kernel.vector.VectorKernels;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class WeightSourceTest {
  private static final int ROWS = 69;
  private static final int COLUMNS = 16_384; // so that 16 rows are a panel

  static Stream<Kernels> tiers() {
    return Stream.of(
        new ScalarKernels(),
        new VectorKernels(),
        Tiers.choose(Tiers.AUTO).kernels() instanceof EmittedKernels emitted
            ? emitted
            : new ScalarKernels());
  }

  @ParameterizedTest
  @MethodSource("tiers")
  void weightsPackedByPanelsAreThoseOfTheFile(Kernels kernels) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment file = numbers(arena);
      Weights packed = kernels.pack(ElementType.F32, file, ROWS, COLUMNS, arena);
      MemorySegment row = arena.allocate(ValueLayout.JAVA_FLOAT, COLUMNS);
      for (int i = 0; i < ROWS; i++) {
        kernels.lookup(packed, i, row, 0);
        assertThat(row.mismatch(file.asSlice(i * row.byteSize(), row.byteSize())))
            .as("row %d", i)
            .isEqualTo(-1);
      }
    }
  }

  @Test
  void panelsCoverAllRowsOnceAndBeginWithGroups() {
    try (Arena arena = Arena.ofConfined()) {
      List<List<Integer>> panels = new ArrayList<>();
      WeightSource.of(ElementType.F32, numbers(arena), ROWS, COLUMNS)
          .forEachPanel((_, from, to) -> panels.add(List.of(from, to)));
      assertThat(panels).containsExactly(List.of(0, 32), List.of(32, 64), List.of(64, 69));
    }
  }

  private static MemorySegment numbers(Arena arena) {
    MemorySegment file = arena.allocate(ValueLayout.JAVA_FLOAT, (long) ROWS * COLUMNS);
    for (int i = 0; i < ROWS * COLUMNS; i++) {
      file.setAtIndex(ValueLayout.JAVA_FLOAT, i, i);
    }
    return file;
  }
}
