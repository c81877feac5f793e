package dev.millrace.cli;

import dev.millrace.client.Target;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;

/** Which server a command talks to: a running one, or one inside itself with options of its own. */
final class ServerOptions {
  private final Optional<Distribution> distribution;
  private final List<OptionSpec> options;

  ServerOptions(Optional<Distribution> distribution) {
    this.distribution = distribution;
    this.options = distribution.map(Distribution::serverOptions).orElse(List.of());
  }

  /** Shows the embedded server's options in a command's help, where there is such a server. */
  CommandLine addTo(CommandSpec spec) {
    if (!options.isEmpty()) {
      ArgGroupSpec.Builder group =
          ArgGroupSpec.builder()
              .exclusive(false)
              .validate(false)
              .heading("%nOf the server that is started without --target:%n");
      options.forEach(group::addArg);
      spec.addArgGroup(group.build());
    }
    return new CommandLine(spec);
  }

  /**
   * @param target as --target has it; null: a server is to be started
   */
  List<Target> targets(CommandLine line, @Nullable String target) {
    if (target == null && distribution.isEmpty()) {
      throw new ParameterException(
          line, "this build has no server inside: --target HOST:PORT says where one runs");
    }
    try {
      return target == null ? List.of() : Target.parseAll(target);
    } catch (IllegalArgumentException e) {
      throw new ParameterException(line, "--target: " + e.getMessage(), e);
    }
  }

  /** What a command does with servers. */
  @FunctionalInterface
  interface Action {
    /**
     * @param model to ask for; empty is the servers' default
     */
    int run(List<Target> targets, String model) throws IOException;
  }

  /**
   * Runs a command.
   *
   * @param targets of {@link #targets}; none: a server is started for it, with the model alone
   */
  int run(CommandLine line, List<Target> targets, String model, Action action) throws IOException {
    if (!targets.isEmpty()) {
      return action.run(targets, model);
    }
    try (Distribution.EmbeddedServer embedded = start(line, model)) {
      return action.run(List.of(new Target("127.0.0.1", embedded.port())), "");
    }
  }

  private Distribution.EmbeddedServer start(CommandLine line, String model) {
    Map<String, List<String>> flags = new LinkedHashMap<>();
    for (OptionSpec option : options) {
      String flag = option.names()[0];
      if (line.getParseResult().hasMatchedOption(flag)) {
        flags.put(flag, option.stringValues());
      }
    }
    return distribution.orElseThrow().start(model, flags);
  }
}
