package dev.millrace.kernel.emitted;

import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.assembler.CodePages;
import dev.millrace.assembler.CpuFeatures;
import dev.millrace.kernel.KernelsContract;
import dev.millrace.kernel.scalar.ScalarKernels;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class EmittedKernelsTest {
  @ParameterizedTest
  @EnumSource(Isa.class)
  void allKernelsEqualTheScalarOnes(Isa isa) {
    contract(isa).check();
  }

  @ParameterizedTest
  @EnumSource(Isa.class)
  void productsEqualTheScalarOnesForEveryTile(Isa isa) {
    contract(isa).multiplyEveryNumberOfRows(2 * MultiplyCode.MAX_TILE + 3);
  }

  private static KernelsContract contract(Isa isa) {
    assumeTrue(CodePages.isSupported(), "no code is emitted here");
    assumeTrue(isa.isIn(CpuFeatures.detect()), "this CPU has no " + isa);
    return new KernelsContract(new EmittedKernels(new ScalarKernels(), isa));
  }
}
