package dev.millrace.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import org.junit.jupiter.api.Test;

class FunctionsTest {
  @Test
  void expIsWithinOneUlpOfTheTruth() {
    double worst = 0;
    Random random = new Random(1);
    for (int i = 0; i < 2_000_000; i++) {
      float x = -104f + random.nextFloat() * 192.7f;
      float expected = (float) StrictMath.exp(x);
      double ulps = Math.abs(Functions.exp(x) - StrictMath.exp(x)) / Math.ulp(expected);
      worst = Math.max(worst, ulps);
    }
    assertThat(worst).isLessThan(1.0);
  }

  @Test
  void expIsPinnedAtItsEdges() {
    assertThat(Functions.exp(Float.NEGATIVE_INFINITY)).isEqualTo(0f);
    assertThat(Functions.exp(-Float.MAX_VALUE)).isEqualTo(0f);
    assertThat(Functions.exp(-104f)).isEqualTo(0f);
    assertThat(Functions.exp(-103.9f)).isEqualTo(Float.MIN_VALUE);
    assertThat(Functions.exp(-0f)).isEqualTo(1f);
    assertThat(Functions.exp(0f)).isEqualTo(1f);
    assertThat(Functions.exp(Float.MIN_VALUE)).isEqualTo(1f);
    assertThat(Functions.exp(88.72283f)).isFinite();
    assertThat(Functions.exp(88.7229f)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(Functions.exp(Float.MAX_VALUE)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(Functions.exp(Float.POSITIVE_INFINITY)).isEqualTo(Float.POSITIVE_INFINITY);
    assertThat(Functions.exp(Float.NaN)).isNaN();
  }

  @Test
  void siluFallsToZeroAndRisesToItsArgument() {
    assertThat(Functions.silu(0f)).isEqualTo(0f);
    assertThat(Functions.silu(200f)).isEqualTo(200f);
    assertThat(Functions.silu(-200f)).isEqualTo(-0f);
    assertThat((double) Functions.silu(1f)).isEqualTo(1 / (1 + Math.exp(-1)), within(1e-7));
    assertThat(Functions.silu(Float.NaN)).isNaN();
  }

  @Test
  void partialsJoinByHalves() {
    float[] partials = new float[16];
    partials[0] = 1e8f; // swallows small ones: the order shows
    partials[8] = -1e8f;
    partials[1] = 1f;
    partials[9] = 2f;
    assertThat(Functions.join(partials)).isEqualTo(3f);
  }
}
