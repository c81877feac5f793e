package dev.millrace.measure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kv.KvType;
import dev.millrace.model.ModelFile;
import dev.millrace.synthetic.SyntheticModels;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class StepWorkTest {
  /** Of the model "tiny", counted by hand. */
  private static final long LAYER =
      64 * 64 + 2 * 32 * 64 + 64 * 64 + 3 * 64 * 160; // q; k, v; output; gate, up, down

  private static final long HEAD = 320 * 64;

  @Test
  void countsMultiplyAddsOfProductsAndAttention() {
    try (ModelFile file = SyntheticModels.tiny()) {
      StepWork work = StepWork.of(file, KvType.F16);

      assertThat(work.macs(7, 0, 0)).isEqualTo(7 * 2 * LAYER);
      assertThat(work.macs(0, 3, 0)).isEqualTo(3 * HEAD);
      assertThat(work.macs(0, 0, 10)).isEqualTo(10 * 2 * 2 * 64); // layers; scores and values
    }
  }

  @Test
  void countsBytesOfWeightsOnceAndOfTheCacheByPosition() {
    try (ModelFile file = SyntheticModels.open("tiny", Optional.of("Q4_0"))) {
      StepWork work = StepWork.of(file, KvType.F16);

      assertThat(work.bytes(0)).isEqualTo((2 * LAYER + HEAD) / 32 * 18);
      assertThat(work.bytes(5) - work.bytes(0)).isEqualTo(5 * 2 * 2 * 32 * Short.BYTES);
    }
  }
}
