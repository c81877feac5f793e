package dev.millrace.distribution;

import dev.millrace.catalog.ModelReference;
import dev.millrace.config.InvalidSettingException;
import dev.millrace.config.Setting;
import dev.millrace.config.SettingsTable;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.measure.Setup;
import dev.millrace.model.ModelFile;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** What commands ask for that run a network in this process: which, and by what. A mixin. */
final class NetworkOptions {
  private static final List<Setting<?>> SETTINGS =
      List.of(
          SettingsTable.MODEL_CACHE,
          SettingsTable.THREADS,
          SettingsTable.KERNELS,
          SettingsTable.ISA,
          SettingsTable.ACTIVATIONS,
          SettingsTable.KV_TYPE);

  @Option(
      names = "--model",
      paramLabel = "M",
      description = "Model: " + ModelReference.FORMS + ". Default: the catalogue's.")
  private String model = "";

  private final CommandSpec spec; // the command's

  private NetworkOptions(CommandSpec spec) {
    this.spec = spec;
  }

  /** Gives a command these options. */
  static NetworkOptions addTo(CommandSpec command) {
    NetworkOptions options = new NetworkOptions(command);
    command.addMixin("network", CommandSpec.forAnnotatedObject(options));
    SETTINGS.forEach(setting -> command.addOption(Settings.option(setting)));
    return options;
  }

  ModelFile open() {
    return Settings.catalog(spec.commandLine().getParseResult()).open(ModelReference.parse(model));
  }

  Setup setup() {
    return new Setup(
        Tiers.choose(value(SettingsTable.KERNELS), value(SettingsTable.ISA)).kernels(),
        value(SettingsTable.ACTIVATIONS),
        value(SettingsTable.KV_TYPE),
        value(SettingsTable.THREADS));
  }

  private <T> T value(Setting<T> setting) {
    Map<String, List<String>> given = Settings.given(spec.commandLine().getParseResult(), SETTINGS);
    try {
      return setting.value(given, System.getenv());
    } catch (InvalidSettingException e) {
      throw new ParameterException(spec.commandLine(), e.getMessage(), e);
    }
  }

  /** Refuses a number that is out of range. */
  void check(String flag, int value, int least, int most) {
    if (value < least || value > most) {
      throw new ParameterException(
          spec.commandLine(), "%s is %d, allowed is %d to %d".formatted(flag, value, least, most));
    }
  }
}
