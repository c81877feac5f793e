package dev.millrace.catalog;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import org.junit.jupiter.api.Test;

class ConsoleProgressTest {
  private final ByteArrayOutputStream bytes = new ByteArrayOutputStream();

  @Test
  void writesPlainAndFewLinesWhereThereIsNoTerminal() {
    show(false);
    assertThat(bytes.toString(UTF_8)).isEqualTo("fetching\nm.gguf: 100 of 100 MiB\nkept\n");
  }

  @Test
  void renewsOneLineOnATerminal() {
    show(true);
    assertThat(bytes.toString(UTF_8))
        .isEqualTo("fetching\n\r\u001b[Km.gguf: 100 of 100 MiB\nkept\n");
  }

  private void show(boolean terminal) {
    ConsoleProgress progress = new ConsoleProgress(new PrintStream(bytes, true, UTF_8), terminal);
    progress.note("fetching");
    for (int mib = 1; mib <= 100; mib++) {
      progress.transferred("m.gguf", (long) mib << 20, 100L << 20);
    }
    progress.note("kept");
  }
}
