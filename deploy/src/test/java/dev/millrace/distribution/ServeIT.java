package dev.millrace.distribution;

import static dev.millrace.distribution.Launcher.millrace;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.client.MillraceClient;
import java.io.ByteArrayOutputStream;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code serve} and {@code generate --target} as processes of their own, and signals to them. */
class ServeIT {
  /** So that streams can be met in the middle. */
  private static final String[] SLOWLY = {"--kernels", "scalar"};

  @Test
  void anIdleServerEndsWellOnSigterm() throws Exception {
    try (ServeProcess server = new ServeProcess()) {
      Command.Result health = millrace("health", "--target", server.target()).run();
      assertThat(health.out()).isEqualTo("SERVING\n");

      server.terminate();

      assertThat(server.exitCode()).isZero();
      assertThat(millrace("health", "--target", server.target()).run().exitCode()).isEqualTo(1);
    }
  }

  @Test
  void aRunningStreamMayFinishWhileTheServerDrains() throws Exception {
    try (ServeProcess server = new ServeProcess(SLOWLY)) {
      String alone = generate(server.target()).run().out();
      Process client = generate(server.target()).start();
      InputStream out = client.getInputStream();
      ByteArrayOutputStream text = new ByteArrayOutputStream();
      text.write(out.readNBytes(20));

      server.terminate();

      text.write(out.readAllBytes());
      assertThat(client.waitFor(TinyServer.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(client.exitValue()).isZero();
      assertThat(text.toString(StandardCharsets.UTF_8)).isEqualTo(alone);
      assertThat(server.exitCode()).isZero();
      assertThat(server.log()).containsSubsequence("outcome=", "draining", "outcome=");
    }
  }

  @Test
  void ctrlCAtTheClientCancelsTheCallOnTheServer() throws Exception {
    try (ServeProcess server = new ServeProcess(SLOWLY);
        MillraceClient stats = MillraceClient.connect(server.target())) {
      Process client = generate(server.target()).start();
      client.getInputStream().readNBytes(20);

      Launcher.pressCtrlC(client);

      assertThat(client.waitFor(TinyServer.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(client.exitValue()).isEqualTo(130);
      TinyServer.await(
          stats, now -> now.getRequestsCancelled() == 1 && now.getKvBlocksInUse() == 0);
    }
  }

  @Test
  void aServerWithKeysServesWhoHasOneAndLogsItsNameOnly(@TempDir Path folder) throws Exception {
    Path keys = Files.writeString(folder.resolve("keys"), "alice the-key-of-alice\n");
    try (ServeProcess server = new ServeProcess("--api-keys", keys.toString())) {
      Command.Result without = generate(server.target()).run();
      Command.Result with =
          generate(server.target()).with("MILLRACE_API_KEY", "the-key-of-alice").run();

      assertThat(without.exitCode()).isEqualTo(1);
      assertThat(without.err()).contains("UNAUTHENTICATED", "API key");
      assertThat(with.exitCode()).isZero();
      server.terminate();
      assertThat(server.exitCode()).isZero();
      assertThat(server.log())
          .contains("outcome=\"UNAUTHENTICATED:API_KEY_MISSING\"", "caller=\"alice\"")
          .doesNotContain("the-key-of-alice");
    }
  }

  /** More than a thousand tokens, the last of them the end of the text. */
  private static Command generate(String target) {
    return millrace(
        "generate",
        "It is easy",
        "--target",
        target,
        "--max-tokens",
        "1500",
        "--temperature",
        "1",
        "--seed",
        "12");
  }
}
