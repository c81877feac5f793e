package dev.millrace.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.millrace.catalog.FileServer.Behaviour.BreakAfter;
import dev.millrace.catalog.FileServer.Behaviour.IgnoreRange;
import dev.millrace.catalog.FileServer.Behaviour.Redirect;
import dev.millrace.catalog.FileServer.Behaviour.Serve;
import dev.millrace.catalog.FileServer.Behaviour.StallAfter;
import dev.millrace.catalog.FileServer.Behaviour.Status;
import dev.millrace.model.Sha256;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class HttpDownloadTest {
  static final HttpDownload.Patience IMPATIENT =
      new HttpDownload.Patience(
          Duration.ofSeconds(5), Duration.ofMillis(500), 3, Duration.ofMillis(1));

  private final byte[] content = new byte[300_000];
  private final RecordedProgress progress = new RecordedProgress();
  private Expected expected;

  @TempDir Path folder;
  private Path file;

  @BeforeEach
  void makeContent() {
    new Random(1).nextBytes(content);
    expected = Expected.of(content.length, Sha256.of(MemorySegment.ofArray(content)));
    file = folder.resolve("file");
  }

  @Test
  void asksForTheRestWhenTheConnectionBreaks() throws Exception {
    try (FileServer server =
        new FileServer(content, new BreakAfter(100_000), new BreakAfter(50_000), new Serve())) {
      fetch(server);
      assertThat(server.ranges).hasSize(3);
      assertThat(server.ranges.getFirst()).isEmpty();
      // What was sent last before a break may be lost on the way, but not all of it.
      assertThat(server.ranges.get(1)).matches("bytes=[1-9]\\d+-");
      assertThat(Files.readAllBytes(file)).isEqualTo(content);
      assertThat(progress.furthest).isEqualTo(content.length);
    }
  }

  @Test
  void goesOnWithWhatAnEarlierProcessLeft() throws Exception {
    Files.write(file, Arrays.copyOf(content, 123_456));
    try (FileServer server = new FileServer(content, new Serve())) {
      fetch(server);
      assertThat(server.ranges).containsExactly("bytes=123456-");
      assertThat(Files.readAllBytes(file)).isEqualTo(content);
    }
  }

  @Test
  void asksForNothingWhenAllIsThere() throws Exception {
    Files.write(file, content);
    try (FileServer server = new FileServer(content, new Serve())) {
      fetch(server);
      assertThat(server.requests()).isZero();
    }
  }

  @Test
  void takesTheWholeFileFromAServerWithoutRanges() throws Exception {
    try (FileServer server = new FileServer(content, new BreakAfter(100_000), new IgnoreRange())) {
      fetch(server);
      assertThat(server.requests()).isEqualTo(2);
      assertThat(Files.readAllBytes(file)).isEqualTo(content);
    }
  }

  @Test
  void breaksOffWhenNothingComesAndAsksAgain() throws Exception {
    try (FileServer server = new FileServer(content, new StallAfter(100_000), new Serve())) {
      fetch(server);
      assertThat(server.ranges.get(1)).matches("bytes=[1-9]\\d+-");
      assertThat(progress.notes).anyMatch(note -> note.contains("nothing came for 500 ms"));
      assertThat(Files.readAllBytes(file)).isEqualTo(content);
    }
  }

  @Test
  void asksAgainAfterPassingTroubles() throws Exception {
    try (FileServer server =
        new FileServer(content, new Status(503), new Status(429), new Serve())) {
      fetch(server);
      assertThat(server.requests()).isEqualTo(3);
    }
  }

  @Test
  void givesUpAfterAttemptsThatBringNothing() throws Exception {
    try (FileServer server = new FileServer(content, new BreakAfter(100_000), new Status(500))) {
      assertThatExceptionOfType(IOException.class)
          .isThrownBy(() -> fetch(server))
          .withMessage("gave up after 3 attempts: HTTP 500");
      assertThat(server.requests()).isEqualTo(4); // the first brought something
      assertThat(Files.size(file)).isPositive();
    }
  }

  @Test
  void acceptsARefusalAtOnce() throws Exception {
    try (FileServer server = new FileServer(content, new Status(404))) {
      assertThatExceptionOfType(IOException.class)
          .isThrownBy(() -> fetch(server))
          .withMessage("HTTP 404: there is no such file");
      assertThat(server.requests()).isEqualTo(1);
    }
  }

  @Test
  void refusesContentWithAnotherHash() throws Exception {
    byte[] other = content.clone();
    other[200_000]++;
    try (FileServer server = new FileServer(other, new Serve())) {
      assertThatExceptionOfType(IOException.class)
          .isThrownBy(() -> fetch(server))
          .withMessageContaining("has SHA-256")
          .withMessageContaining(", not " + expected.sha256().orElseThrow());
      assertThat(server.requests()).isEqualTo(1);
      assertThat(file).doesNotExist();
    }
  }

  @Test
  void startsOverOnceWhenTheBeginningWasAnotherFiles() throws Exception {
    Files.write(file, new byte[1000]);
    try (FileServer server = new FileServer(content, new Serve())) {
      fetch(server);
      assertThat(server.ranges).containsExactly("bytes=1000-", "");
      assertThat(Files.readAllBytes(file)).isEqualTo(content);
    }
  }

  @Test
  void startsOverWhenMoreIsThereThanTheFileHas() throws Exception {
    Files.write(file, new byte[content.length + 1]);
    try (FileServer server = new FileServer(content, new Serve())) {
      fetch(server);
      assertThat(Files.readAllBytes(file)).isEqualTo(content);
    }
  }

  @Test
  void refusesAFileOfAnotherLengthBeforeTakingIt() throws Exception {
    try (FileServer server = new FileServer(new byte[400_000], new Serve())) {
      assertThatExceptionOfType(IOException.class)
          .isThrownBy(() -> fetch(server))
          .withMessage("the server's file has 400000 bytes, not 300000");
      assertThat(file).doesNotExist();
    }
  }

  @Test
  void holdsAFileToTheHashThatTheServerNames() throws Exception {
    try (FileServer server = new FileServer(content, new Redirect("0".repeat(64)), new Serve())) {
      assertThatExceptionOfType(IOException.class)
          .isThrownBy(
              () ->
                  new HttpDownload(IMPATIENT, progress)
                      .fetch(server.uri("file"), file, Expected.UNKNOWN))
          .withMessageContaining(", not 0000");
    }
    try (FileServer server =
        new FileServer(content, new Redirect(expected.sha256().orElseThrow()), new Serve())) {
      new HttpDownload(IMPATIENT, progress).fetch(server.uri("file"), file, Expected.UNKNOWN);
      assertThat(server.paths).containsExactly("/file", "/moved");
      assertThat(Files.readAllBytes(file)).isEqualTo(content);
    }
  }

  @Test
  void saysWhichServerCannotBeReached() throws Exception {
    FileServer server = new FileServer(content, new Serve());
    server.close();
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> fetch(server))
        .withMessageStartingWith("gave up after 3 attempts: Connect");
  }

  private void fetch(FileServer server) throws IOException, InterruptedException {
    new HttpDownload(IMPATIENT, progress).fetch(server.uri("file"), file, expected);
  }
}
