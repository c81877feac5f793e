package dev.millrace.kernel.vector;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kernel.JavaProcess;
import dev.millrace.kernel.KernelsContract;
import java.io.IOException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

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
  @MethodSource("narrowerWidths")
  void narrowerVectorsEqualTheScalarTierToo(int bits) throws IOException, InterruptedException {
    String output =
        JavaProcess.run(
            CheckContract.class,
            "--add-modules=jdk.incubator.vector",
            "-D" + Lanes.BITS_PROPERTY + "=" + bits);
    assertThat(output).contains("equal at " + bits + " bits");
  }

  static IntStream narrowerWidths() {
    return IntStream.of(128, 256).filter(bits -> bits < Lanes.FLOATS.vectorBitSize());
  }

  static final class CheckContract {
    private CheckContract() {}

    public static void main(String[] args) {
      new KernelsContract(new VectorKernels()).check();
      System.out.println("equal at " + Lanes.FLOATS.vectorBitSize() + " bits");
    }
  }
}
