package dev.millrace.measure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kernel.Team;
import java.util.Optional;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

class PeaksTest {
  @Test
  void coresMultiplyBytesFasterThanFloatsAndFloatsFasterThanMemoryBringsThem() {
    try (Team team = Team.of(2)) {
      Optional<Peaks> peaks = Peaks.measure(team);
      Assumptions.assumeTrue(peaks.isPresent(), "no emitted code on this machine");

      assertThat(peaks.get().dot()).isGreaterThan(peaks.get().fma());
      assertThat(peaks.get().fma()).isGreaterThan(peaks.get().memory() / Float.BYTES);
      assertThat(peaks.get().memory()).isGreaterThan(1e8);
    }
  }
}
