package dev.millrace.distribution;

import dev.millrace.catalog.Catalog;
import dev.millrace.catalog.ModelReference;
import dev.millrace.config.SettingsTable;
import dev.millrace.gguf.GgufWriter;
import dev.millrace.model.ModelFile;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Models on this machine, and those that can be had by name. */
@Command(
    name = "models",
    mixinStandardHelpOptions = true,
    synopsisSubcommandLabel = "COMMAND",
    description = "Lists, fetches, inspects and exports models.")
final class ModelsCommand implements Runnable {
  @Spec private CommandSpec spec;

  private ModelsCommand() {}

  static CommandLine commandLine() {
    CommandLine line = new CommandLine(new ModelsCommand());
    for (CommandLine command : line.getSubcommands().values()) {
      command.getCommandSpec().addOption(Settings.option(SettingsTable.MODEL_CACHE));
    }
    return line;
  }

  @Override
  public void run() {
    throw new ParameterException(
        spec.commandLine(), "no command was given: list, pull, inspect or export");
  }

  @Command(
      name = "list",
      mixinStandardHelpOptions = true,
      description = "Lists the models that have names; the first is the default.")
  void list(@Option(names = "--json", description = JsonLines.DESCRIPTION) boolean json) {
    if (json) {
      catalog().list().forEach(model -> out().println(JsonLines.line(model)));
      return;
    }
    Table table = new Table("NAME", "ALSO", "MIB", "FETCHED", "FILE");
    for (Catalog.Listing model : catalog().list()) {
      table.add(
          model.name(),
          String.join(", ", model.aliases()),
          model.bytes() >> 20,
          model.cached() ? "yes" : "no",
          model.file());
    }
    table.print(out());
  }

  @Command(
      name = "pull",
      mixinStandardHelpOptions = true,
      description = "Fetches a model unless it is there, and prints its path.")
  void pull(
      @Parameters(paramLabel = "NAME", description = "Model: " + ModelReference.FORMS + ".")
          String name) {
    out().println(catalog().fetch(ModelReference.parse(name)));
  }

  @Command(
      name = "inspect",
      mixinStandardHelpOptions = true,
      description = "Shows a model's metadata and tensors; fetches it unless it is there.")
  void inspect(
      @Parameters(paramLabel = "M", description = "Model: " + ModelReference.FORMS + ".")
          String model,
      @Option(
              names = "--json",
              description = JsonLines.DESCRIPTION + " Metadata first, whole, then tensors.")
          boolean json) {
    try (ModelFile file = catalog().open(ModelReference.parse(model))) {
      if (json) {
        Inspection.printJson(file, out());
      } else {
        Inspection.print(file, out());
      }
    }
  }

  @Command(
      name = "export",
      mixinStandardHelpOptions = true,
      description = {
        "Writes a model as a GGUF file, for other programs to read: any that can be loaded,"
            + " synthetic ones too.",
        "The file appears whole or not at all; one that is there is replaced."
      })
  void export(
      @Parameters(paramLabel = "M", description = "Model: " + ModelReference.FORMS + ".")
          String model,
      @Parameters(paramLabel = "OUT.gguf", description = "The file to write.") Path file)
      throws IOException {
    try (ModelFile opened = catalog().open(ModelReference.parse(model))) {
      GgufWriter.write(file, opened.metadata(), opened.tensors().values());
    }
    out().println(file);
  }

  private Catalog catalog() {
    return Settings.catalog(spec.commandLine().getParseResult().subcommand());
  }

  private PrintWriter out() {
    return spec.commandLine().getOut();
  }
}
