package dev.millrace.distribution;

import dev.millrace.catalog.ConsoleProgress;
import dev.millrace.config.InvalidSettingException;
import dev.millrace.config.ServerSettings;
import dev.millrace.config.SettingsTable;
import dev.millrace.server.MillraceServer;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Runs a server until a signal drains it. */
@Command(
    name = "serve",
    mixinStandardHelpOptions = true,
    sortOptions = false,
    description = {
      "Serves models over gRPC.",
      "SIGTERM, or Ctrl-C, drains: streams may finish within the grace time, then it ends with 0."
    })
final class ServeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec;

  private ServeCommand() {}

  /** With an option for every setting of the server. */
  static CommandLine commandLine() {
    CommandSpec spec = CommandSpec.forAnnotatedObject(new ServeCommand());
    SettingsTable.ALL.forEach(setting -> spec.addOption(Settings.option(setting)));
    return new CommandLine(spec);
  }

  @Override
  public Integer call() throws IOException, InterruptedException {
    ServerSettings settings = settings();
    Logging.install();
    MillraceServer server = MillraceServer.listen(settings, ConsoleProgress.onStandardError());
    Thread drain = new Thread(() -> drain(server, settings), "millrace-drain");
    Runtime.getRuntime().addShutdownHook(drain);
    try {
      server.serve();
    } catch (RuntimeException | Error e) {
      server.close();
      Runtime.getRuntime().removeShutdownHook(drain);
      throw e;
    }
    server.awaitTermination();
    return 0;
  }

  private ServerSettings settings() {
    try {
      return Settings.read(Settings.given(spec.commandLine().getParseResult(), SettingsTable.ALL));
    } catch (InvalidSettingException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  /** Ended as asked: not with the status of a process that a signal killed. */
  private static void drain(MillraceServer server, ServerSettings settings) {
    server.drain(settings.drainGrace());
    Runtime.getRuntime().halt(0);
  }
}
