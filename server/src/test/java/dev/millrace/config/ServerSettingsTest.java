package dev.millrace.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ServerSettingsTest {
  private static final Path HOME = Path.of(System.getProperty("user.home"));

  @Test
  void everythingHasADefault() {
    ServerSettings settings = ServerSettings.read(Map.of(), Map.of());

    assertThat(settings.models()).isEmpty();
    assertThat(settings.host()).isEqualTo("127.0.0.1");
    assertThat(settings.port()).isEqualTo(9090);
    assertThat(settings.threads()).isEqualTo(Runtime.getRuntime().availableProcessors());
    assertThat(settings.drainGrace()).isEqualTo(Duration.ofSeconds(30));
  }

  @Test
  void modelsAreKeptInTheUsersCacheFolder() {
    assertThat(SettingsTable.modelCache("/var/me")).isEqualTo("/var/me/millrace");
    assertThat(SettingsTable.modelCache("")).isEqualTo("~/.cache/millrace");
    assertThat(SettingsTable.modelCache("not/absolute")).isEqualTo("~/.cache/millrace");
    assertThat(Readers.path().read(List.of("~/.cache/millrace")))
        .isEqualTo(HOME.resolve(".cache/millrace"));
  }

  @Test
  void aFlagWinsOverTheEnvironmentAndThatOverTheDefault() {
    Map<String, String> environment = Map.of("MILLRACE_PORT", "1", "MILLRACE_MAX_WAITING", "7");

    ServerSettings settings =
        ServerSettings.read(Map.of("--port", List.of("2"), "--host", List.of("::1")), environment);

    assertThat(settings.port()).isEqualTo(2);
    assertThat(settings.maxWaiting()).isEqualTo(7);
    assertThat(settings.host()).isEqualTo("::1");
  }

  @Test
  void modelsRepeatAsFlagsAndAreSeparatedByCommasInTheEnvironment() {
    Map<String, String> environment = Map.of("MILLRACE_MODEL", "synthetic:tiny, other.gguf");

    assertThat(ServerSettings.read(Map.of("--model", List.of("a", "b,c")), environment).models())
        .containsExactly("a", "b,c");
    assertThat(ServerSettings.read(Map.of(), environment).models())
        .containsExactly("synthetic:tiny", "other.gguf");
  }

  @ParameterizedTest
  @CsvSource({"250ms,250", "3s,3000", "2m,120000", "0s,0"})
  void timesHaveUnits(String text, long millis) {
    assertThat(ServerSettings.read(Map.of("--drain-grace", List.of(text)), Map.of()).drainGrace())
        .isEqualTo(Duration.ofMillis(millis));
  }

  @ParameterizedTest
  @CsvSource({
    "--port,70000,from 0 to 65535",
    "--port,x,from 0 to 65535",
    "--port,-1,from 0 to 65535",
    "--port,99999999999,from 0 to 65535",
    "--threads,0,from 1 to 1024",
    "--kernels,gpu,scalar",
    "--activations,int4,int16",
    "--drain-grace,30,ms",
    "--drain-grace,s,ms",
    "--drain-grace,2h,ms",
    "--drain-grace,61m,3600000ms",
    "--drain-grace,99999999999999999999s,ms",
    "--step-timeout,1ms,100ms",
  })
  void whatIsOutOfRangeIsRefusedWithTheFlagAndWhatIsAllowed(
      String flag, String text, String allowed) {
    assertThatThrownBy(() -> ServerSettings.read(Map.of(flag, List.of(text)), Map.of()))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageStartingWith(flag + ": \"" + text + "\"")
        .hasMessageContaining(allowed);
  }

  @Test
  void anErrorInTheEnvironmentNamesTheVariable() {
    assertThatThrownBy(() -> ServerSettings.read(Map.of(), Map.of("MILLRACE_PORT", "many")))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessageStartingWith("MILLRACE_PORT: \"many\"");
  }

  @Test
  void aSettingGivenTwiceIsRefused() {
    assertThatThrownBy(() -> ServerSettings.read(Map.of("--port", List.of("1", "2")), Map.of()))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessage("--port: given 2 times");
  }

  @Test
  void anEmptyValueIsRefused() {
    assertThatThrownBy(() -> ServerSettings.read(Map.of("--host", List.of("")), Map.of()))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessage("--host: its value is empty");
    assertThatThrownBy(() -> ServerSettings.read(Map.of("--model", List.of("a", "")), Map.of()))
        .isInstanceOf(InvalidSettingException.class);
  }

  @Test
  void moreMayNotRunThanAStepHasRows() {
    Map<String, List<String>> flags =
        Map.of("--max-running", List.of("65"), "--max-batch-tokens", List.of("64"));

    assertThatThrownBy(() -> ServerSettings.read(flags, Map.of()))
        .isInstanceOf(InvalidSettingException.class)
        .hasMessage("--max-running: 65; allowed is at most --max-batch-tokens, 64");
  }

  @Test
  void asManyRunAsAStepHasRowsUnlessAskedOtherwise() {
    assertThat(
            ServerSettings.read(Map.of("--max-batch-tokens", List.of("16")), Map.of()).maxRunning())
        .isEqualTo(16);
    assertThat(
            ServerSettings.read(Map.of("--max-batch-tokens", List.of("99")), Map.of()).maxRunning())
        .isEqualTo(64);
  }

  @Test
  void theTableNamesEachComponentOnceAndItsHelpTellsAll() {
    assertThat(SettingsTable.ALL).hasSize(ServerSettings.class.getRecordComponents().length);
    assertThat(SettingsTable.ALL.stream().map(Setting::flag)).doesNotHaveDuplicates();
    assertThat(SettingsTable.ALL.stream().map(Setting::environment)).doesNotHaveDuplicates();

    String help = SettingsTable.ALL.stream().map(Setting::help).collect(Collectors.joining("\n"));
    assertThat(help).contains("(default 9090; environment: MILLRACE_PORT)");
    assertThat(SettingsTable.MODEL.help()).endsWith("(environment: MILLRACE_MODEL)");
  }
}
