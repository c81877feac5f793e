package dev.millrace.kernel.tier;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.scalar.ScalarKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Proxy;
import java.util.function.Predicate;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class StepCheckTest {
  private static final float WRONG = 12345;

  @Test
  void takesKernelsThatAreRight() {
    assertThatCode(() -> SelfCheck.requireEqual(spoiling("none", 0), new ScalarKernels()))
        .doesNotThrowAnyException();
  }

  /** One number is wrong. */
  @ParameterizedTest
  @CsvSource({
    "rmsNorm, 3, RMSNorm",
    "rope, 0, RoPE",
    "swiglu, 2, SwiGLU",
    "add, 0, sum",
    "exp, 5, softmax",
    "mergeSegments, 6, attention over F32"
  })
  void namesTheKernelThatIsWrong(String kernel, int output, String named) {
    assertThatThrownBy(() -> SelfCheck.requireEqual(spoiling(kernel, output), new ScalarKernels()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("kernels' " + named + " isn't the scalar tier's");
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3})
  void refusesProductsThatAreWrongForSomeNumbersOfRowsOnly(int rows) {
    Kernels wrong =
        spoiling("multiply", 4, arguments -> Integer.valueOf(rows).equals(arguments[3]));

    assertThatThrownBy(() -> SelfCheck.requireEqual(wrong, new ScalarKernels()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("product with");
  }

  @Test
  void refusesAMergeThatIsWrongForSeveralSegmentsOnly() {
    Kernels wrong =
        spoiling("mergeSegments", 6, arguments -> Integer.valueOf(2).equals(arguments[3]));

    assertThatThrownBy(() -> SelfCheck.requireEqual(wrong, new ScalarKernels()))
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("attention");
  }

  private static Kernels spoiling(String kernel, int output) {
    return spoiling(kernel, output, _ -> true);
  }

  /**
   * @param which calls, by their arguments
   */
  private static Kernels spoiling(String kernel, int output, Predicate<Object[]> which) {
    Kernels right = new ScalarKernels();
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (_, method, arguments) -> {
              Object result = method.invoke(right, arguments);
              if (method.getName().equals(kernel) && which.test(arguments)) {
                MemorySegment to = (MemorySegment) arguments[output];
                to.set(ValueLayout.JAVA_FLOAT, 0, WRONG);
              }
              return result;
            });
  }
}
