package dev.millrace.kernel.vector;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kernel.KernelsContract;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class VectorKernelsTest {
  private final KernelsContract contract = new KernelsContract(new VectorKernels());

  @Test
  void productsEqualTheScalarTier() {
    contract.quantizeAndMultiply();
  }

  @Test
  void aNonFiniteRowSpoilsNoOther() {
    contract.aNonFiniteRowSpoilsNoOther();
  }

  @Test
  void lookupsEqualTheScalarTier() {
    contract.lookup();
  }

  @Test
  void normsEqualTheScalarTier() {
    contract.rmsNorm();
  }

  @Test
  void rotationsEqualTheScalarTier() {
    contract.rope();
  }

  @Test
  void gatesAndSumsEqualTheScalarTier() {
    contract.swigluAndAdd();
  }

  @Test
  void attentionEqualsTheScalarTierAndReadsNoPositionPastItsEnd() {
    contract.attention();
  }

  @Test
  void scansOfTheVocabularyEqualTheScalarTier() {
    contract.vocabularyScans();
  }

  /** A JVM has one width, so the others get JVMs of their own. */
  @ParameterizedTest
  @ValueSource(ints = {128, 256, 512})
  void otherWidthsEqualTheScalarTierToo(int bits) throws IOException, InterruptedException {
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    Process process =
        new ProcessBuilder(
                List.of(
                    java.toString(),
                    "--add-modules=jdk.incubator.vector",
                    "-D" + Lanes.BITS_PROPERTY + "=" + bits,
                    "-cp",
                    System.getProperty("java.class.path"),
                    CheckContract.class.getName()))
            .redirectErrorStream(true)
            .start();
    process.getOutputStream().close();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertThat(output).contains("equal at " + bits + " bits");
    assertThat(process.exitValue()).isZero();
  }

  static final class CheckContract {
    private CheckContract() {}

    public static void main(String[] args) {
      new KernelsContract(new VectorKernels()).check();
      System.out.println("equal at " + Lanes.FLOATS.vectorBitSize() + " bits");
    }
  }
}
