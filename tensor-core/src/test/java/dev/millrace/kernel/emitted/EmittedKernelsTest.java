package dev.millrace.kernel.emitted;

import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.millrace.assembler.CodePages;
import dev.millrace.assembler.CpuFeatures;
import dev.millrace.kernel.ActivationPrecision;
import dev.millrace.kernel.KernelsContract;
import dev.millrace.kernel.QuantizedRows;
import dev.millrace.kernel.Weights;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.tensor.ElementType;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
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

  @ParameterizedTest
  @EnumSource(Isa.class)
  void freedRowsAreRefused(Isa isa) {
    EmittedKernels kernels = kernels(isa);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment floats = arena.allocate(ValueLayout.JAVA_FLOAT, 32);
      Weights weights = kernels.pack(ElementType.Q8_0, arena.allocate(34), 1, 32, arena);
      QuantizedRows freed;
      try (Arena other = Arena.ofConfined()) {
        freed = kernels.quantizedRows(ActivationPrecision.INT8, 1, 32, other);
      }

      assertThatThrownBy(() -> kernels.quantize(floats, freed, 0, 1)).hasMessageContaining("freed");
      assertThatThrownBy(() -> kernels.multiply(weights, floats, freed, 1, floats, 1, 0, 1))
          .hasMessageContaining("freed");
    }
  }

  private static KernelsContract contract(Isa isa) {
    return new KernelsContract(kernels(isa));
  }

  private static EmittedKernels kernels(Isa isa) {
    assumeTrue(CodePages.isSupported(), "no code is emitted here");
    assumeTrue(isa.isIn(CpuFeatures.detect()), "this CPU has no " + isa);
    return new EmittedKernels(new ScalarKernels(), isa);
  }
}
