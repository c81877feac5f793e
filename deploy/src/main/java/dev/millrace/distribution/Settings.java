package dev.millrace.distribution;

import dev.millrace.catalog.Catalog;
import dev.millrace.catalog.ConsoleProgress;
import dev.millrace.config.ServerSettings;
import dev.millrace.config.Setting;
import dev.millrace.config.SettingsTable;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/** The server's settings as options of commands. */
final class Settings {
  private Settings() {}

  static OptionSpec option(Setting<?> setting) {
    OptionSpec.Builder option =
        OptionSpec.builder(setting.flag())
            .paramLabel(setting.placeholder())
            .description(setting.help().replace("%", "%%"));
    if (!setting.bare().isEmpty()) {
      option.arity("0..1").fallbackValue(setting.bare());
    }
    return setting.repeatable()
        ? option.type(List.class).auxiliaryTypes(String.class).build()
        : option.type(String.class).build();
  }

  /** The texts given for each of the options, by its name. */
  static Map<String, List<String>> given(ParseResult parsed, List<Setting<?>> settings) {
    Map<String, List<String>> flags = new LinkedHashMap<>();
    for (Setting<?> setting : settings) {
      if (parsed.hasMatchedOption(setting.flag())) {
        flags.put(setting.flag(), parsed.matchedOption(setting.flag()).originalStringValues());
      }
    }
    return flags;
  }

  /**
   * Where models come from, for a command that has the option {@link SettingsTable#MODEL_CACHE}.
   */
  static Catalog catalog(ParseResult parsed) {
    List<Setting<?>> cache = List.of(SettingsTable.MODEL_CACHE);
    return new Catalog(
        SettingsTable.MODEL_CACHE.value(given(parsed, cache), System.getenv()),
        ConsoleProgress.onStandardError());
  }

  static ServerSettings read(Map<String, List<String>> flags) {
    return ServerSettings.read(flags, System.getenv());
  }
}
