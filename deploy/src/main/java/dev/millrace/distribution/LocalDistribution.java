package dev.millrace.distribution;

import dev.millrace.catalog.ConsoleProgress;
import dev.millrace.cli.Distribution;
import dev.millrace.config.Setting;
import dev.millrace.config.SettingsTable;
import dev.millrace.server.MillraceServer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Model.OptionSpec;

/** The command line with the server beside it. */
public final class LocalDistribution implements Distribution {
  /** Of a server that has one caller: no limits on callers, no address. */
  private static final List<Setting<?>> EMBEDDED =
      List.of(
          SettingsTable.MODEL_CACHE,
          SettingsTable.KV_CACHE_MIB,
          SettingsTable.KV_TYPE,
          SettingsTable.THREADS,
          SettingsTable.KERNELS,
          SettingsTable.ISA,
          SettingsTable.MAX_BATCH_TOKENS);

  @Override
  public List<OptionSpec> serverOptions() {
    return EMBEDDED.stream().map(Settings::option).toList();
  }

  @Override
  public EmbeddedServer start(String model, Map<String, List<String>> flags) {
    Map<String, List<String>> all = new HashMap<>(flags);
    all.put(SettingsTable.HOST.flag(), List.of("127.0.0.1"));
    all.put(SettingsTable.PORT.flag(), List.of("0"));
    all.put(SettingsTable.API_KEYS.flag(), List.of("")); // its one caller is this command
    all.put(SettingsTable.WARM_UP.flag(), List.of("0s")); // its caller waits for the first request
    if (!model.isEmpty()) {
      all.put(SettingsTable.MODEL.flag(), List.of(model));
    }
    Logging.installForCommand();
    try {
      return new Embedded(
          MillraceServer.start(Settings.read(all), ConsoleProgress.onStandardError()));
    } catch (IOException e) {
      throw new UncheckedIOException(e.getMessage(), e);
    }
  }

  @Override
  public List<Object> commands() {
    return List.of(
        ServeCommand.commandLine(),
        TokenizeCommand.commandLine(),
        RenderCommand.commandLine(),
        ModelsCommand.commandLine(),
        BenchStepCommand.commandLine(),
        EvalCommand.commandLine(),
        TraceCommand.commandLine(),
        new HealthCommand());
  }

  private record Embedded(MillraceServer server) implements EmbeddedServer {
    @Override
    public int port() {
      return server.port();
    }

    @Override
    public void close() {
      server.close();
    }
  }
}
