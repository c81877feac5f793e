package dev.millrace.server;

import dev.millrace.catalog.FetchProgress;
import dev.millrace.config.ServerSettings;
import io.grpc.ManagedChannel;
import io.grpc.netty.NettyChannelBuilder;
import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Whole servers of small synthetic models. */
final class Servers {
  private Servers() {}

  /** Settings for a free port and one tiny model, and what else is given. */
  static ServerSettings settings(Map<String, List<String>> flags) {
    Map<String, List<String>> all = new HashMap<>();
    all.put("--model", List.of("synthetic:tiny"));
    all.put("--port", List.of("0"));
    all.put("--kv-cache-mib", List.of("64"));
    all.put("--threads", List.of("2"));
    all.put("--warm-up", List.of("0s"));
    all.putAll(flags);
    return ServerSettings.read(all, Map.of());
  }

  static MillraceServer start(Map<String, List<String>> flags) throws IOException {
    return MillraceServer.start(settings(flags), FetchProgress.silent());
  }

  static ManagedChannel channel(MillraceServer server) {
    return NettyChannelBuilder.forAddress("127.0.0.1", server.port()).usePlaintext().build();
  }
}
