package dev.millrace.soak;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** That the long run works, by a short one. */
class SoakTest {
  @TempDir Path folder;

  @Test
  void aServerUnderAMixedLoadAnswersAsItDoesAloneAndComesToRest() throws Exception {
    assertThat(Soak.run(Duration.ofSeconds(12), 1, folder)).isEmpty();
    assertThat(folder.resolve("soak.csv")).isNotEmptyFile();
    assertThat(folder.resolve("soak.svg")).content().endsWith("</svg>\n");
  }
}
