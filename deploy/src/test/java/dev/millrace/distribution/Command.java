package dev.millrace.distribution;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.opentest4j.TestAbortedException;

/** A program to run to its end, within a time. */
record Command(List<String> words, Path folder, Map<String, String> environment, Duration limit) {
  static final Path PROJECT = Path.of("..").toAbsolutePath().normalize();

  record Result(int exitCode, String out, String err) {}

  static Command of(String... words) {
    return new Command(List.of(words), PROJECT, Map.of(), Duration.ofMinutes(2));
  }

  Command in(Path otherFolder) {
    return new Command(words, otherFolder, environment, limit);
  }

  Command with(String variable, String value) {
    Map<String, String> more = new HashMap<>(environment);
    more.put(variable, value);
    return new Command(words, folder, more, limit);
  }

  Command within(Duration otherLimit) {
    return new Command(words, folder, environment, otherLimit);
  }

  /** Runs it; the test is skipped, and says so, where the machine has no such program. */
  Result run() {
    Process process;
    try {
      process = start();
    } catch (IOException e) {
      throw skip(words.getFirst() + " isn't on this machine: " + e.getMessage());
    }
    CompletableFuture<String> err =
        CompletableFuture.supplyAsync(() -> read(process.errorReader()));
    CompletableFuture<String> out =
        CompletableFuture.supplyAsync(() -> read(process.inputReader()));
    try {
      if (!process.waitFor(limit.toMillis(), TimeUnit.MILLISECONDS)) {
        throw new AssertionError(words + " still ran after " + limit);
      }
      return new Result(process.exitValue(), out.join(), err.join());
    } catch (InterruptedException e) {
      throw new AssertionError("interrupted while waiting for " + words, e);
    } finally {
      process.descendants().forEach(ProcessHandle::destroyForcibly);
      process.destroyForcibly();
    }
  }

  /** Starts it, with its input closed, for the caller to end. */
  Process start() throws IOException {
    ProcessBuilder builder = new ProcessBuilder(new ArrayList<>(words)).directory(folder.toFile());
    builder.environment().putAll(environment);
    Process process = builder.start();
    process.getOutputStream().close();
    return process;
  }

  /** For what this machine or its network lacks: never for what we got wrong. */
  static TestAbortedException skip(String why) {
    System.err.println("SKIPPED: " + why);
    return new TestAbortedException(why);
  }

  private static String read(java.io.BufferedReader reader) {
    try (reader) {
      return reader.readAllAsString();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
