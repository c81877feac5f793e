package dev.millrace.kernel.tier;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.assembler.CodePages;
import dev.millrace.assembler.CpuFeatures;
import dev.millrace.kernel.JavaProcess;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.emitted.EmittedKernels;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.vector.VectorKernels;
import java.io.IOException;
import java.lang.reflect.Proxy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TiersTest {
  @Test
  void autoIsTheFastestThatRunsHere() {
    Tiers.Choice choice = Tiers.choose("auto");
    if (CodePages.isSupported() && CpuFeatures.detect().avx2()) {
      assertThat(choice.kernels()).isInstanceOf(EmittedKernels.class);
      assertThat(choice.reason()).contains("checked against the scalar tier");
    } else {
      assertThat(choice.kernels()).isInstanceOf(VectorKernels.class);
    }
  }

  @Test
  void aCheckThatFailsNamesTheProduct() {
    Kernels scalar = new ScalarKernels();
    Kernels wrong = // forgets to round
        (Kernels)
            Proxy.newProxyInstance(
                Kernels.class.getClassLoader(),
                new Class<?>[] {Kernels.class},
                (_, method, arguments) ->
                    method.getName().equals("quantize") ? null : method.invoke(scalar, arguments));
    assertThatThrownBy(() -> SelfCheck.requireEqual(wrong, new ScalarKernels()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("Q4_0 product");
  }

  @Test
  void anUnknownInstructionSetIsRefused() {
    assertThatThrownBy(() -> Tiers.choose("emitted", "mmx"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("instruction set mmx: must be one of [auto, avx2, avx512]");
  }

  @Test
  void anInstructionSetBesideKernelsThatHaveNoneIsRefused() {
    assertThatThrownBy(() -> Tiers.choose("vector", "avx2"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("instruction set avx2: kernels vector have none to choose");
  }

  /** Never other kernels in silence. */
  @ParameterizedTest
  @ValueSource(strings = {"avx2", "avx512"})
  void anInstructionSetThatIsNamedIsUsedOrRefused(String isa) {
    Tiers.Choice choice;
    try {
      choice = Tiers.choose("auto", isa);
    } catch (IllegalArgumentException e) {
      assertThat(e).hasMessageContaining(isa.equals("avx2") ? "AVX2" : "AVX-512");
      return;
    }
    assertThat(choice.kernels().name()).isEqualTo("emitted");
    assertThat(choice.reason()).containsIgnoringCase("machine code for " + isa);
  }

  @Test
  void everyNameFindsKernels() {
    assertThat(Tiers.choose("scalar").kernels()).isInstanceOf(ScalarKernels.class);
    assertThat(Tiers.choose("vector").kernels().name()).isEqualTo("vector");
  }

  @Test
  void anUnknownTierIsRefusedWithTheNamesThatThereAre() {
    assertThatThrownBy(() -> Tiers.choose("gpu"))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessage("kernels gpu: must be one of [auto, emitted, vector, scalar]");
  }

  @Test
  void withoutTheModuleVectorIsRefused() throws IOException, InterruptedException {
    assertThat(JavaProcess.run(ChooseVector.class).lines())
        .contains(
            "kernels vector: this JVM was started without --add-modules=jdk.incubator.vector");
  }

  static final class ChooseVector {
    private ChooseVector() {}

    public static void main(String[] args) {
      try {
        Tiers.choose("vector");
      } catch (IllegalArgumentException e) {
        System.out.println(e.getMessage());
      }
    }
  }
}
