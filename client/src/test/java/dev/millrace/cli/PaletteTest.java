package dev.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;

class PaletteTest {
  @Test
  void coloursAreLeftOutWhereTheEnvironmentSaysSo() {
    assertThat(Palette.allowsColours(Map.of("TERM", "xterm-256color"))).isTrue();
    assertThat(Palette.allowsColours(Map.of("NO_COLOR", "1"))).isFalse();
    assertThat(Palette.allowsColours(Map.of("NO_COLOR", ""))).isTrue(); // as the convention has it
    assertThat(Palette.allowsColours(Map.of("TERM", "dumb"))).isFalse();
  }

  @Test
  void aColourEndsWithTheTextAndAPlainTextHasNone() {
    assertThat(Palette.COLOURED.error("no")).isEqualTo("\u001b[31mno\u001b[39m");
    assertThat(Palette.PLAIN.error("no")).isEqualTo("no");
  }
}
