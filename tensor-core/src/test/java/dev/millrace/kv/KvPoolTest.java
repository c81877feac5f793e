package dev.millrace.kv;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class KvPoolTest {
  @Test
  void givesEveryLayerRoomForAllBlocks() {
    try (KvPool pool = new KvPool(2, 3, 8, 5, 32)) {
      for (int layer = 0; layer < 2; layer++) {
        long bytes = 5L * 3 * 8 * 32 * Float.BYTES;
        assertThat(pool.layer(layer).k().byteSize()).isEqualTo(bytes);
        assertThat(pool.layer(layer).v().byteSize()).isEqualTo(bytes);
      }
      KvLayer layer = pool.layer(0);
      assertThat(layer.keyOffset(4, 2) + 8L * 32 * Float.BYTES).isEqualTo(layer.k().byteSize());
      assertThat(layer.valueOffset(4, 2) + 32L * 8 * Float.BYTES).isEqualTo(layer.v().byteSize());
    }
  }

  @Test
  void knowsWhatABlockTakes() {
    // 30 layers of keys and values, 3 heads of 64 features, 32 positions
    assertThat(KvPool.bytesPerBlock(30, 3, 64, 32, KvType.F32))
        .isEqualTo(30L * 2 * 3 * 64 * 32 * 4);
    assertThat(KvPool.bytesPerBlock(30, 3, 64, 32, KvType.F16))
        .isEqualTo(30L * 2 * 3 * 64 * 32 * 2);
  }

  @Test
  void refusesMoreThanTheMachineHas() {
    assertThatThrownBy(() -> new KvPool(30, 3, 64, Integer.MAX_VALUE, 32))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageMatching(
            "KV pool of 2147483647 blocks of 32 positions, 1440 KiB each: this machine has \\d+"
                + " MiB in all");
  }

  @ParameterizedTest
  @CsvSource({"0,1,1,1,16", "1,0,1,1,16", "1,1,-1,1,16", "1,1,1,0,16", "1,1,1,1,0", "1,1,1,1,24"})
  void refusesSizesThatAreNone(int layers, int heads, int features, int blocks, int blockSize) {
    assertThatThrownBy(() -> new KvPool(layers, heads, features, blocks, blockSize))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("must be");
  }

  @Test
  void refusesANetworkOfAnotherShape() {
    try (KvPool pool = new KvPool(2, 3, 8, 5, 32)) {
      pool.requireShape(2, 3, 8);
      assertThatThrownBy(() -> pool.requireShape(2, 4, 8))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("KV pool of 2 layers, 3 heads, 8 features; the network has 2, 4, 8");
    }
  }

  @Test
  void copiesABlockOfAllLayersAndNothingElse() {
    try (KvPool pool = new KvPool(2, 3, 8, 5, 32)) {
      for (int layer = 0; layer < 2; layer++) {
        for (MemorySegment all : List.of(pool.layer(layer).k(), pool.layer(layer).v())) {
          long bytes = all.byteSize() / 5;
          for (int block = 0; block < 5; block++) {
            all.asSlice(block * bytes, bytes).fill((byte) (block + 1));
          }
        }
      }
      pool.copyBlock(1, 3);

      for (int layer = 0; layer < 2; layer++) {
        for (MemorySegment all : List.of(pool.layer(layer).k(), pool.layer(layer).v())) {
          long bytes = all.byteSize() / 5;
          byte[] expected = {1, 2, 3, 2, 5};
          for (int block = 0; block < 5; block++) {
            assertThat(all.get(ValueLayout.JAVA_BYTE, block * bytes)).isEqualTo(expected[block]);
            assertThat(all.get(ValueLayout.JAVA_BYTE, (block + 1) * bytes - 1))
                .isEqualTo(expected[block]);
          }
        }
      }
    }
  }
}
