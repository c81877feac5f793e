package dev.millrace.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PrintableTest {
  private static final int LIMIT = 80;

  @Test
  void whatCouldMoveTheCursorOrReorderTextShowsAsItsNumber() {
    assertThat(Printable.quote("\u001b[2J\u009b\u202e\u2028\b\u200b", LIMIT))
        .isEqualTo("\"\\u{1B}[2J\\u{9B}\\u{202E}\\u{2028}\\u{8}\\u{200B}\"");
  }

  @Test
  void quotesCannotBeFaked() {
    assertThat(Printable.quote("a\"b\\", LIMIT)).isEqualTo("\"a\\\"b\\\\\"");
  }

  @Test
  void lettersOfAllScriptsAndEmojiStayAsTheyAre() {
    assertThat(Printable.quote("wörld 世界 😀", LIMIT)).isEqualTo("\"wörld 世界 😀\"");
  }

  @Test
  void longTextsAreCutBetweenCharacters() {
    assertThat(Printable.quote("😀😀😀", 2)).isEqualTo("\"😀😀\"...");
  }

  @Test
  void bytesThatArentUtf8ShowAsBytes() {
    byte[] broken = {
      'a', (byte) 0xE2, (byte) 0x82, 'b', (byte) 0xFF, (byte) 0xC3, (byte) 0xA9, (byte) 0xF0
    };

    assertThat(Printable.quote(broken)).isEqualTo("\"a\\xE2\\x82b\\xFFé\\xF0\"");
  }
}
