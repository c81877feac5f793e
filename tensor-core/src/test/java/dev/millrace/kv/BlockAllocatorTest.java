package dev.millrace.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BlockAllocatorTest {

  /** Against a model: a map from block to how many hold it. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 7, 64})
  void keepsCountThroughRandomUse(int total) {
    for (int seed = 0; seed < 50; seed++) {
      Random random = new Random(seed);
      BlockAllocator allocator = new BlockAllocator(total);
      Map<Integer, Integer> holders = new HashMap<>();
      for (int i = 0; i < 400; i++) {
        List<Integer> held = new ArrayList<>(holders.keySet());
        int action = random.nextInt(5);
        if (action < 2 && held.size() < total) {
          int block = allocator.allocate();
          assertThat(block).isBetween(0, total - 1);
          assertThat(holders.put(block, 1)).as("block %d was free", block).isNull();
        } else if (action == 2 && !held.isEmpty()) {
          int block = held.get(random.nextInt(held.size()));
          allocator.retain(block);
          holders.merge(block, 1, Integer::sum);
        } else if (!held.isEmpty()) {
          int block = held.get(random.nextInt(held.size()));
          allocator.release(block);
          holders.computeIfPresent(block, (b, count) -> count == 1 ? null : count - 1);
        }
        assertThat(allocator.inUse()).isEqualTo(holders.size());
        assertThat(allocator.free()).isEqualTo(total - holders.size());
        for (int block = 0; block < total; block++) {
          assertThat(allocator.references(block)).isEqualTo(holders.getOrDefault(block, 0));
        }
      }
    }
  }

  @Test
  void handsOutEveryBlockOnce() {
    BlockAllocator allocator = new BlockAllocator(5);

    List<Integer> blocks = new ArrayList<>();
    while (allocator.free() > 0) {
      blocks.add(allocator.allocate());
    }

    assertThat(blocks).containsExactly(0, 1, 2, 3, 4);
    assertThatThrownBy(allocator::allocate)
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("no block is free");
  }

  @Test
  void refusesToTouchAFreeBlock() {
    BlockAllocator allocator = new BlockAllocator(3);
    int block = allocator.allocate();
    allocator.release(block);

    assertThatThrownBy(() -> allocator.release(block))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("block 0 is free already");
    assertThatThrownBy(() -> allocator.retain(block))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("block 0 is free");
    assertThat(allocator.free()).isEqualTo(3);
  }
}
