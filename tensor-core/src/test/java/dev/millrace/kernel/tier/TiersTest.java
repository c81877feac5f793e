package dev.millrace.kernel.tier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.kernel.JavaProcess;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.vector.VectorKernels;
import java.io.IOException;
import org.junit.jupiter.api.Test;

class TiersTest {
  @Test
  void autoIsTheFastestThatRunsHere() {
    Tiers.Choice choice = Tiers.choose("auto");
    assertThat(choice.kernels()).isInstanceOf(VectorKernels.class);
    assertThat(choice.reason()).contains("jdk.incubator.vector");
  }

  @Test
  void everyNameFindsKernels() {
    assertThat(Tiers.names()).allSatisfy(name -> assertThat(Tiers.choose(name)).isNotNull());
    assertThat(Tiers.choose("scalar").kernels()).isInstanceOf(ScalarKernels.class);
    assertThat(Tiers.choose("vector").kernels().name()).isEqualTo("vector");
  }

  @Test
  void anUnknownTierIsRefusedWithTheNamesThatThereAre() {
    assertThatThrownBy(() -> Tiers.choose("gpu"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("kernels gpu: must be one of [auto, vector, scalar]");
  }

  @Test
  void withoutTheModuleAutoFallsBackAndVectorIsRefused() throws IOException, InterruptedException {
    assertThat(JavaProcess.run(ChooseBoth.class).lines())
        .containsExactly(
            "scalar: this JVM was started without --add-modules=jdk.incubator.vector",
            "kernels vector: this JVM was started without --add-modules=jdk.incubator.vector");
  }

  static final class ChooseBoth {
    private ChooseBoth() {}

    public static void main(String[] args) {
      Tiers.Choice choice = Tiers.choose("auto");
      System.out.println(choice.kernels().name() + ": " + choice.reason());
      try {
        Tiers.choose("vector");
      } catch (IllegalArgumentException e) {
        System.out.println(e.getMessage());
      }
    }
  }
}
