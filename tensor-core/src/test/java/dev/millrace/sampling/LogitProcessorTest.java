package dev.millrace.sampling;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.kernel.scalar.ScalarKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class LogitProcessorTest {
  private static final float FORBIDDEN = LogitProcessor.FORBIDDEN;
  private static final int[] NONE = {};

  @Test
  void aRowThatNothingChangesIsHandedOnAsItIs() {
    MemorySegment raw = row(1, 2, 3);
    History history = new History(new int[] {0, 1}, 1, 2);
    LogitProcessor processor = new LogitProcessor(new ScalarKernels(), 3, Arena.ofAuto());
    assertThat(processor.process(raw, SamplingSettings.of(1, 0), history, NONE, null))
        .isSameAs(raw);
  }

  @Test
  void repetitionLooksAtPromptAndOutputAndTheAdditivePenaltiesAtTheOutput() {
    // The prompt is 0 1; the output 1 2 2.
    History history = new History(new int[] {0, 1, 1, 2, 2, 3}, 2, 5);
    Penalties penalties = new Penalties(2, 0.5f, 0.25f, 0);
    assertThat(processed(row(3, -3, 4, 4), settings(penalties, Map.of()), history, NONE, null))
        .containsExactly(1.5f, -6 - 0.5f - 0.25f, 2 - 2 * 0.5f - 0.25f, 4);
  }

  @Test
  void aWindowReachesSoManyTokensBack() {
    History history = new History(new int[] {0, 1, 1, 2, 3}, 2, 5);
    MemorySegment raw = row(1, 1, 1, 1);
    Penalties three = new Penalties(1, 0.5f, 0, 3);
    assertThat(processed(raw, settings(three, Map.of()), history, NONE, null))
        .containsExactly(1, 0.5f, 0.5f, 0.5f);
    Penalties one = new Penalties(4, 0, 0, 1);
    assertThat(processed(raw, settings(one, Map.of()), history, NONE, null))
        .containsExactly(1, 1, 1, 0.25f);
    Penalties more = new Penalties(4, 0, 0, 100);
    assertThat(processed(raw, settings(more, Map.of()), history, NONE, null))
        .containsExactly(0.25f, 0.25f, 0.25f, 0.25f);
  }

  @Test
  void biasComesBeforePenaltiesAndMinusInfinityForbids() {
    History history = new History(new int[] {0, 1}, 2, 2);
    Map<Integer, Float> bias = Map.of(0, 3f, 1, Float.NEGATIVE_INFINITY, 2, -1f);
    Penalties penalties = new Penalties(2, 0, 0, 0);
    assertThat(processed(row(1, 1, 1, 1), settings(penalties, bias), history, NONE, null))
        .containsExactly(2, FORBIDDEN, 0, 1);
  }

  @Test
  void aForbiddenTokenStaysForbiddenUnderARepetitionPenaltyBelowOne() {
    History history = new History(new int[] {0, 1, 1}, 1, 3);
    Map<Integer, Float> bias = Map.of(0, Float.NEGATIVE_INFINITY, 1, Float.NEGATIVE_INFINITY);
    for (float repetition : new float[] {0.5f, 1e-38f}) {
      Penalties penalties = new Penalties(repetition, -1e38f, -1e38f, 0);
      assertThat(processed(row(1, 1, 1), settings(penalties, bias), history, NONE, null))
          .as("repetition %s", repetition)
          .containsExactly(FORBIDDEN, FORBIDDEN, 1);
    }
  }

  @Test
  void nothingBringsBackWhatIsForbiddenOrNotAllowed() {
    History history = new History(new int[] {0}, 1, 1);
    Map<Integer, Float> bias = Map.of(0, 100f, 1, 100f);
    assertThat(
            processed(
                row(1, 1, 1, 1),
                settings(Penalties.NONE, bias),
                history,
                new int[] {0},
                new long[] {0b1001}))
        .containsExactly(FORBIDDEN, FORBIDDEN, FORBIDDEN, 1);
  }

  @Test
  void aMaskCoversEachIdOnce() {
    int vocabulary = 130;
    float[] logits = new float[vocabulary];
    long[] allowed = {1L << 63 | 1, 0, 0b10};
    float[] masked =
        processed(row(logits), SamplingSettings.of(1, 0), new History(NONE, 0, 0), NONE, allowed);
    for (int id = 0; id < vocabulary; id++) {
      assertThat(masked[id])
          .as("id %d", id)
          .isEqualTo(id == 0 || id == 63 || id == 129 ? 0 : FORBIDDEN);
    }
  }

  @Test
  void aMaskOfAnotherVocabularyIsRefused() {
    assertThatThrownBy(
            () ->
                processed(
                    row(1, 2),
                    SamplingSettings.of(1, 0),
                    new History(NONE, 0, 0),
                    NONE,
                    new long[2]))
        .hasMessageContaining("2 words; 2 tokens need 1");
  }

  @Test
  void logitsStayFiniteWhateverIsDoneToThem() {
    History history = new History(new int[] {0, 1}, 2, 2);
    Penalties penalties = new Penalties(1e-30f, 0, 0, 0);
    assertThat(
            processed(
                row(1e20f, -1e20f, 3e38f),
                settings(penalties, Map.of(2, 3e38f)),
                history,
                NONE,
                null))
        .containsExactly(Float.MAX_VALUE, -1e20f * 1e-30f, Float.MAX_VALUE);
  }

  @Test
  void oneRowsPenaltiesDontReachTheNext() {
    LogitProcessor processor = new LogitProcessor(new ScalarKernels(), 3, Arena.ofAuto());
    SamplingSettings settings = settings(new Penalties(2, 0.5f, 0, 0), Map.of());
    processor.process(row(1, 1, 1), settings, new History(new int[] {0, 1, 1}, 1, 3), NONE, null);
    MemorySegment second =
        processor.process(row(1, 1, 1), settings, new History(new int[] {2}, 1, 1), NONE, null);
    assertThat(second.toArray(JAVA_FLOAT)).containsExactly(1, 1, 0.5f);
  }

  private static SamplingSettings settings(Penalties penalties, Map<Integer, Float> bias) {
    return new SamplingSettings(1, 0, 1, 0, penalties, bias, 0);
  }

  private static float[] processed(
      MemorySegment raw,
      SamplingSettings settings,
      History history,
      int[] forbidden,
      long @Nullable [] allowed) {
    int vocabulary = (int) (raw.byteSize() / Float.BYTES);
    return new LogitProcessor(new ScalarKernels(), vocabulary, Arena.ofAuto())
        .process(raw, settings, history, forbidden, allowed)
        .toArray(JAVA_FLOAT);
  }

  private static MemorySegment row(float... logits) {
    return Arena.ofAuto().allocateFrom(JAVA_FLOAT, logits);
  }
}
