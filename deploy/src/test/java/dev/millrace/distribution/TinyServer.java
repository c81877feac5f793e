package dev.millrace.distribution;

import dev.millrace.catalog.FetchProgress;
import dev.millrace.client.MillraceClient;
import dev.millrace.server.MillraceServer;
import dev.millrace.v1.EngineStats;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;

/** A server in the test's own process, with a tiny model; and how to wait for one's engine. */
final class TinyServer {
  static final String MODEL = "synthetic:tiny";
  static final Duration PATIENCE = Duration.ofSeconds(30);

  private TinyServer() {}

  static MillraceServer start() throws IOException {
    return MillraceServer.start(
        Settings.read(
            Map.of(
                "--model", List.of(MODEL),
                "--port", List.of("0"),
                "--kv-cache-mib", List.of("64"),
                "--warm-up", List.of("0s"))),
        FetchProgress.silent());
  }

  /** Waits until the engine behind a client is as wanted. */
  static EngineStats await(MillraceClient client, Predicate<EngineStats> condition) {
    return client
        .engineStats("")
        .filter(condition)
        .repeatWhenEmpty(again -> again.delayElements(Duration.ofMillis(20)))
        .block(PATIENCE);
  }
}
