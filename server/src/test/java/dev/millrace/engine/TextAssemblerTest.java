package dev.millrace.engine;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class TextAssemblerTest {
  // ids of FakeTokenizer
  private static final int A = 2;
  private static final int B = 3;
  private static final int C = 4;
  private static final int ABC = 7;
  private static final int HALF_E_ACUTE = 13;
  private static final int OTHER_HALF = 14;

  private static TextAssembler assembler(boolean includeStop, String... stops) {
    return new TextAssembler(new FakeTokenizer().decoder(true), List.of(stops), includeStop);
  }

  @Test
  void holdsBackWhatMayBecomeAStopAndNoMore() {
    TextAssembler text = assembler(false, "bcc");
    text.add(A, true);
    assertThat(text.take()).isEqualTo("a");
    text.add(B, true);
    text.add(C, true);
    assertThat(text.take()).isEmpty();
    text.add(B, true); // bcb: only its last letter may still begin a stop
    assertThat(text.take()).isEqualTo("bc");
    text.finish();
    assertThat(text.take()).isEqualTo("b");
  }

  @Test
  void cutsAStopThatSpansTokensAndWhatFollowsInItsLastOne() {
    TextAssembler text = assembler(false, "ca");
    text.add(B, true);
    text.add(C, true);
    assertThat(text.add(ABC, true)).isTrue();
    assertThat(text.take()).isEqualTo("b");
    assertThat(text.stopText()).isEqualTo("ca");
  }

  @Test
  void holdsNothingBackWhenTheStopIsToldToo() {
    TextAssembler text = assembler(true, "ca");
    text.add(C, true);
    assertThat(text.take()).isEqualTo("c");
    assertThat(text.add(ABC, true)).isTrue();
    assertThat(text.take()).isEqualTo("a");
  }

  @Test
  void aStopThatDoesNotCountYetIsOrdinaryTextButItsBeginningCounts() {
    TextAssembler text = assembler(false, "ab", "bc");
    assertThat(text.add(A, false)).isFalse();
    assertThat(text.add(B, false)).isFalse();
    assertThat(text.take()).isEqualTo("a"); // b may begin bc
    assertThat(text.add(C, true)).isTrue();
    assertThat(text.take()).isEmpty();
    assertThat(text.stopText()).isEqualTo("bc");
  }

  @Test
  void tellsWholeCharactersAndMarksBytesThatNeverBecameOne() {
    TextAssembler text = assembler(false);
    text.add(HALF_E_ACUTE, true);
    assertThat(text.hasReady()).isFalse();
    text.add(OTHER_HALF, true);
    assertThat(text.take()).isEqualTo("é");
    text.add(HALF_E_ACUTE, true);
    text.finish();
    assertThat(text.take()).isEqualTo("\uFFFD");
  }
}
