package dev.millrace.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class BlockTableTest {
  @Test
  void growsAndShrinksAtItsEnd() {
    BlockTable table = new BlockTable();
    for (int i = 0; i < 100; i++) {
      table.append(1000 + i);
    }
    assertThat(table.removeLast()).isEqualTo(1099);

    assertThat(table.size()).isEqualTo(99);
    assertThat(IntStream.range(0, 99).map(table::block))
        .isEqualTo(IntStream.range(1000, 1099).boxed().toList());
    assertThat(table.array()).startsWith(1000, 1001, 1002);
  }

  @Test
  void hasNoBlocksBeyondItsSize() {
    BlockTable table = new BlockTable();
    table.append(3);

    assertThatThrownBy(() -> table.block(1)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> table.block(-1)).isInstanceOf(IndexOutOfBoundsException.class);
    table.removeLast();
    assertThatThrownBy(table::removeLast)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("the block table is empty");
  }
}
