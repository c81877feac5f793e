package dev.millrace.kernel.tier;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.scalar.ScalarKernels;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.reflect.Proxy;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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

  private static Kernels spoiling(String kernel, int output) {
    Kernels right = new ScalarKernels();
    return (Kernels)
        Proxy.newProxyInstance(
            Kernels.class.getClassLoader(),
            new Class<?>[] {Kernels.class},
            (_, method, arguments) -> {
              Object result = method.invoke(right, arguments);
              if (method.getName().equals(kernel)) {
                MemorySegment to = (MemorySegment) arguments[output];
                to.set(ValueLayout.JAVA_FLOAT, 0, WRONG);
              }
              return result;
            });
  }
}
