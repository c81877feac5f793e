package dev.millrace.security;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ApiKeysTest {
  private static final String KEY = "0123456789abcdef";

  @TempDir Path folder;

  private ApiKeys keys(String text) throws IOException {
    Path file = folder.resolve("keys");
    Files.writeString(file, text);
    return ApiKeys.read(file);
  }

  @Test
  void aKeyIsItsNamesAlsoWhileThatHasAnother() throws IOException {
    ApiKeys keys =
        keys(
            "# ours\n\nalice "
                + KEY
                + "\r\nbob\t \"quoted\"-long-enough\nalice another-long-enough");

    assertThat(keys.nameOf(KEY)).contains("alice");
    assertThat(keys.nameOf("another-long-enough")).contains("alice");
    assertThat(keys.nameOf("\"quoted\"-long-enough")).contains("bob");
    assertThat(keys.nameOf(KEY + "0")).isEmpty();
    assertThat(keys.nameOf("")).isEmpty();
  }

  @Test
  void whatIsWrongWithAFileIsSaidByItsLineAndNeverByAKey() {
    assertRefused("alice " + KEY + "\nbob short\n", ":2: allowed are a name");
    assertRefused("alice " + KEY + " " + KEY, ":1: allowed are a name");
    assertRefused("al/ice " + KEY, ":1: allowed are a name");
    assertRefused(KEY, ":1: allowed are a name");
    assertRefused("alice " + KEY + "\nbob " + KEY, ":2: the same key stands in a line before it");
    assertRefused("# none\n", "there is no key in it");
    assertRefused("#".repeat((1 << 20) + 1), "1048577 bytes; allowed are 1048576");
    String many =
        IntStream.rangeClosed(0, 1_000)
            .mapToObj(i -> "n" + i + " " + KEY + i)
            .collect(Collectors.joining("\n"));
    assertRefused(many, ":1001: more than 1000 keys");
  }

  private void assertRefused(String text, String message) {
    assertThatThrownBy(() -> keys(text))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining(message)
        .hasMessageContaining(folder.toString())
        .hasMessageNotContaining(KEY)
        .hasMessageNotContaining("short");
  }
}
