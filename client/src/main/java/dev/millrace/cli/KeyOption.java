package dev.millrace.cli;

import dev.millrace.client.ApiKey;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.Spec.Target;

/** Who calls, for servers that want to know. */
final class KeyOption {
  private static final String VARIABLE = "MILLRACE_API_KEY";

  @Spec(Target.MIXEE)
  private CommandSpec spec;

  @Option(
      names = "--api-key",
      paramLabel = "KEY",
      description =
          "Shown to a server that wants one. Others on this machine may see a command's options,"
              + " so better in the environment: "
              + VARIABLE
              + ".")
  private @Nullable String given;

  Optional<ApiKey> key() {
    String variable = System.getenv().getOrDefault(VARIABLE, "");
    String text = given != null ? given : variable;
    try {
      return text.isEmpty() ? Optional.empty() : Optional.of(new ApiKey(text));
    } catch (IllegalArgumentException e) {
      String source = given != null ? "--api-key" : VARIABLE;
      throw new ParameterException(spec.commandLine(), source + ": " + e.getMessage(), e);
    }
  }
}
