package dev.millrace.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.spi.ToolProvider;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** One formatter, no debates: tools/format puts right what fails here. */
class FormattingTest {
  @Test
  void everySourceFileIsAsTheFormatterLeavesIt() throws IOException {
    List<String> sources = sources();
    assertThat(sources).hasSizeGreaterThan(100);
    StringWriter unformatted = new StringWriter();
    StringWriter errors = new StringWriter();

    ToolProvider.findFirst("google-java-format")
        .orElseThrow()
        .run(
            new PrintWriter(unformatted),
            new PrintWriter(errors),
            Stream.concat(Stream.of("--dry-run"), sources.stream()).toArray(String[]::new));

    assertThat(errors.toString()).isEmpty();
    assertThat(unformatted.toString()).as("not formatted; run tools/format").isEmpty();
  }

  private static List<String> sources() throws IOException {
    List<String> sources = new ArrayList<>();
    for (String folder : List.of("tools", "proto", "tensor-core", "server", "client", "deploy")) {
      Path root = Path.of("..", folder);
      Path target = root.resolve("target");
      try (Stream<Path> files = Files.walk(root)) {
        files
            .filter(file -> file.toString().endsWith(".java") && !file.startsWith(target))
            .forEach(file -> sources.add(file.toString()));
      }
    }
    return sources;
  }
}
