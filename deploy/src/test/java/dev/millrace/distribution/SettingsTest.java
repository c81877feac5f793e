package dev.millrace.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.config.SettingsTable;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Model.CommandSpec;

class SettingsTest {
  private static int speculate(String... arguments) {
    CommandSpec spec = CommandSpec.create();
    spec.addOption(Settings.option(SettingsTable.SPECULATE));
    spec.addOption(Settings.option(SettingsTable.PORT));
    CommandLine.ParseResult parsed = new CommandLine(spec).parseArgs(arguments);
    Map<String, List<String>> given =
        Settings.given(parsed, List.of(SettingsTable.SPECULATE, SettingsTable.PORT));
    return SettingsTable.SPECULATE.value(given, Map.of());
  }

  @Test
  void aFlagMayStandAloneWhereItsSettingSaysWhatThatMeans() {
    assertThat(speculate()).isZero();
    assertThat(speculate("--speculate")).isEqualTo(16);
    assertThat(speculate("--speculate", "--port", "1")).isEqualTo(16);
    assertThat(speculate("--speculate", "4")).isEqualTo(4);
    assertThat(speculate("--speculate=5", "--port", "1")).isEqualTo(5);
  }
}
