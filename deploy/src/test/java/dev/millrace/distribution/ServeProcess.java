package dev.millrace.distribution;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** {@code millrace serve} in a process of its own, on a free port. */
final class ServeProcess implements AutoCloseable {
  private static final Pattern SERVING = Pattern.compile("msg=\"serving\".* port=\"(\\d+)\"");
  private static final int SECONDS = 60;

  private final Process process;
  private final Thread reader;
  private final List<String> log = new ArrayList<>(); // guarded by itself
  private final CompletableFuture<Integer> port = new CompletableFuture<>();

  /** Of a tiny model. */
  ServeProcess(String... flags) throws IOException {
    this(
        Stream.concat(
                Stream.of("--kv-cache-mib", "64", "--threads", "1", "--model", TinyServer.MODEL),
                Stream.of(flags))
            .toList());
  }

  static ServeProcess ofDefaultModel() throws IOException {
    return new ServeProcess(List.of());
  }

  private ServeProcess(List<String> flags) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("serve", "--port", "0"));
    arguments.addAll(flags);
    process = Launcher.millrace(arguments.toArray(String[]::new)).start();
    reader = Thread.ofVirtual().start(this::readLog);
  }

  private void readLog() {
    try (BufferedReader reader = process.errorReader()) {
      for (String line = reader.readLine(); line != null; line = reader.readLine()) {
        synchronized (log) {
          log.add(line);
        }
        Matcher serving = SERVING.matcher(line);
        if (serving.find()) {
          port.complete(Integer.parseInt(serving.group(1)));
        }
      }
      port.completeExceptionally(new AssertionError("it ended:\n" + log()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Once it serves. */
  String target() throws Exception {
    try {
      return "127.0.0.1:" + port.get(SECONDS, TimeUnit.SECONDS);
    } catch (TimeoutException e) {
      throw new AssertionError("doesn't serve after " + SECONDS + " s:\n" + log(), e);
    }
  }

  String log() {
    synchronized (log) {
      return String.join("\n", log);
    }
  }

  /** As if the machine had failed. */
  void kill() {
    process.destroyForcibly();
  }

  /** Sends SIGTERM; by its handle, since the process's own method would close the log, too. */
  void terminate() {
    process.toHandle().destroy();
  }

  int exitCode() throws InterruptedException {
    if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
      throw new AssertionError("still runs after " + SECONDS + " s:\n" + log());
    }
    reader.join();
    return process.exitValue();
  }

  @Override
  public void close() {
    process.destroyForcibly();
  }
}
