package dev.millrace.distribution;

import static dev.millrace.distribution.Launcher.millrace;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.client.MillraceClient;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** {@code serve} and {@code generate --target} as processes of their own, and signals to them. */
class ServeIT {
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
    try (ServeProcess server = new ServeProcess()) {
      String alone = generate(server.target()).run().out();
      Process client = generate(server.target()).start();
      InputStream out = client.getInputStream();
      byte[] beginning = out.readNBytes(20);

      server.terminate();

      String rest = new String(out.readAllBytes(), StandardCharsets.UTF_8);
      assertThat(client.waitFor(TinyServer.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(new String(beginning, StandardCharsets.UTF_8) + rest).isEqualTo(alone);
      assertThat(client.exitValue()).isZero();
      assertThat(server.exitCode()).isZero();
    }
  }

  @Test
  void ctrlCAtTheClientCancelsTheCallOnTheServer() throws Exception {
    try (ServeProcess server = new ServeProcess();
        MillraceClient stats = MillraceClient.connect(server.target())) {
      Process client = generate(server.target()).start();
      client.getInputStream().readNBytes(20);

      Launcher.signal(client, "INT");

      assertThat(client.waitFor(TinyServer.PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
      assertThat(client.exitValue()).isEqualTo(130);
      TinyServer.await(
          stats, now -> now.getRequestsCancelled() == 1 && now.getKvBlocksInUse() == 0);
    }
  }

  /** Long enough to be met in the middle. */
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
        "7");
  }
}
