package dev.millrace.cli;

import java.io.IOException;
import java.io.OutputStream;
import java.io.OutputStreamWriter;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.Optional;
import java.util.ServiceLoader;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Help;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/**
 * The command line. Classes that options live in know nothing of gRPC, so that {@code --help} is
 * there at once; each command's work is in a class of its own.
 */
@Command(
    name = "millrace",
    mixinStandardHelpOptions = true,
    versionProvider = Millrace.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    description = "A language-model server for the JVM, and its clients.",
    commandListHeading = "%nCommands:%n",
    footerHeading = "%n",
    footer = {
      "'millrace COMMAND --help' tells each command's options.",
      "MILLRACE_STACKTRACE=1 in the environment shows where an error comes from."
    },
    exitCodeListHeading = "%nExit codes:%n",
    exitCodeList = {
      "0:done",
      "1:failed; standard error says why",
      "2:not a valid command line",
      "130:ended by Ctrl-C",
      "141:the reader of standard output has gone"
    })
public final class Millrace implements Runnable {
  @Spec private CommandSpec spec;

  private Millrace() {}

  public static void main(String[] args) {
    Optional<Distribution> distribution = ServiceLoader.load(Distribution.class).findFirst();
    System.exit(commandLine(Streams.ofProcess(), distribution).execute(args));
  }

  static CommandLine commandLine(Streams streams, Optional<Distribution> distribution) {
    CommandLine line =
        new CommandLine(new Millrace())
            .addSubcommand(GenerateCommand.commandLine(streams, distribution))
            .addSubcommand(ChatCommand.commandLine(streams, distribution))
            .addSubcommand(new BenchCommand(streams));
    distribution.ifPresent(more -> more.commands().forEach(line::addSubcommand));
    if (!Palette.allowsColours(System.getenv())) {
      line.setColorScheme(Help.defaultColorScheme(Help.Ansi.OFF)); // of help
    }
    return line.setOut(writer(streams.out()))
        .setErr(writer(streams.err()))
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setUsageHelpAutoWidth(true)
        .setExpandAtFiles(false) // a prompt may begin with @
        .setParameterExceptionHandler((e, args) -> refuse(e, streams.palette().get()))
        .setExecutionExceptionHandler((e, command, parsed) -> explain(e, command, streams));
  }

  private static PrintWriter writer(OutputStream stream) {
    return new PrintWriter(new OutputStreamWriter(stream, StandardCharsets.UTF_8), true);
  }

  @Override
  public void run() {
    throw new ParameterException(spec.commandLine(), "no command was given");
  }

  private static int refuse(ParameterException e, Palette palette) {
    CommandLine line = e.getCommandLine();
    line.getErr().println(palette.error("millrace: " + e.getMessage()));
    line.getErr().println("'" + line.getCommandSpec().qualifiedName() + " --help' tells more.");
    return ExitCode.USAGE;
  }

  private static int explain(Exception e, CommandLine line, Streams streams) {
    if (e instanceof IOException && String.valueOf(e.getMessage()).contains("Broken pipe")) {
      return ExitCode.BROKEN_PIPE;
    }
    String why = "millrace: " + (e.getMessage() == null ? e : e.getMessage());
    line.getErr().println(streams.palette().get().error(why));
    if (System.getenv("MILLRACE_STACKTRACE") != null) {
      e.printStackTrace(line.getErr());
    }
    return ExitCode.FAILED;
  }

  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Millrace.class.getPackage().getImplementationVersion();
      return new String[] {"millrace " + (version == null ? "(development)" : version)};
    }
  }
}
