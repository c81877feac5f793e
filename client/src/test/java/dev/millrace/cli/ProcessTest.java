package dev.millrace.cli;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.client.FakeServer;
import dev.millrace.client.FakeServer.Answer;
import java.io.BufferedReader;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;

/** What only a process of its own shows: signals, pipes, exit codes, how fast help is there. */
@EnabledOnOs(OS.LINUX) // for env's option
class ProcessTest {
  private static List<String> command(String... args) {
    // Whoever runs tests in the background may ignore SIGINT, and the JVM then leaves it ignored.
    List<String> command = new ArrayList<>(List.of("env", "--default-signal=INT"));
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(
        List.of(
            "-XX:TieredStopAtLevel=1", "-Xshare:auto", "--sun-misc-unsafe-memory-access=allow"));
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Millrace.class.getName()));
    command.addAll(List.of(args));
    return command;
  }

  private static void signal(String name, Process process) throws Exception {
    new ProcessBuilder("kill", "-" + name, Long.toString(process.pid())).start().waitFor();
  }

  private static int exitCode(Process process) throws InterruptedException {
    assertThat(process.waitFor(30, TimeUnit.SECONDS)).as("the process has ended").isTrue();
    return process.exitValue();
  }

  @Test
  void controlCCancelsTheCallOnTheServerAndEndsWith130() throws Exception {
    try (FakeServer server = new FakeServer(asked -> Answer.silentAfter(asked, 6))) {
      Process process =
          new ProcessBuilder(
                  command(
                      "generate", "x", "--max-tokens=100", "--target=" + server.target(), "--json"))
              .start();
      try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
        for (int i = 0; i < 6; i++) {
          assertThat(lines.readLine()).as("a line as it comes").isNotNull();
        }
        signal("INT", process);
        assertThat(exitCode(process)).isEqualTo(ExitCode.INTERRUPTED);
        assertThat(server.cancelledWithin(Duration.ofSeconds(1))).isTrue();
      } finally {
        process.destroyForcibly();
      }
    }
  }

  @Test
  void controlCDuringABenchPrintsWhatThereIs() throws Exception {
    try (FakeServer server = new FakeServer(Answer::whole)) {
      Process process =
          new ProcessBuilder(
                  command(
                      "bench", "--target=" + server.target(), "--requests=1000000", "--warmup=0"))
              .start();
      try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
        awaitRequests(server, 50);
        signal("INT", process);
        assertThat(lines.lines()).anyMatch(line -> line.matches("[1-9]\\d* requests finished.*"));
        assertThat(exitCode(process)).isEqualTo(ExitCode.INTERRUPTED);
      } finally {
        process.destroyForcibly();
      }
    }
  }

  private static void awaitRequests(FakeServer server, int count) throws InterruptedException {
    for (int i = 0; i < 3000 && server.requests.size() < count; i++) {
      TimeUnit.MILLISECONDS.sleep(10);
    }
    assertThat(server.requests).hasSizeGreaterThanOrEqualTo(count);
  }

  @Test
  void aPipeThatIsClosedEndsTheProcessQuietly() throws Exception {
    try (FakeServer server = new FakeServer(Answer::whole)) {
      Process process =
          new ProcessBuilder(
                  command("generate", "x", "--max-tokens=100000000", "--target=" + server.target()))
              .start();
      try (BufferedReader out = process.inputReader(StandardCharsets.UTF_8)) {
        assertThat(out.read()).isNotNegative();
      }
      assertThat(exitCode(process)).isEqualTo(ExitCode.BROKEN_PIPE);
      assertThat(server.cancelledWithin(Duration.ofSeconds(1))).isTrue();
    }
  }

  @Test
  void helpLoadsNothingOfGrpcReactorOrProtobuf() throws Exception {
    for (String[] args : new String[][] {{"--help"}, {"generate", "--help"}, {"bench", "--help"}}) {
      List<String> command = command(args);
      command.add(3, "-Xlog:class+load:stdout"); // behind env, its option, and java
      Process process = new ProcessBuilder(command).start();
      List<String> lines = lines(process);
      assertThat(exitCode(process)).isZero();
      assertThat(lines).anyMatch(line -> line.contains("Usage: millrace"));
      assertThat(lines)
          .filteredOn(line -> line.matches(".* (io\\.grpc|io\\.netty|reactor|com\\.google)\\..*"))
          .isEmpty();
    }
  }

  private static List<String> lines(Process process) throws IOException {
    try (BufferedReader lines = process.inputReader(StandardCharsets.UTF_8)) {
      return lines.lines().toList();
    }
  }
}
