package dev.millrace.distribution;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The packaged distribution, as a user runs it. */
final class Launcher {
  private static final String PROGRAM =
      Path.of("target/millrace/bin/millrace").toAbsolutePath().toString();

  /** What the JVM says on standard error, whatever we do. */
  private static final String JVM_WARNING =
      "WARNING: Using incubator modules: jdk.incubator.vector\n";

  private Launcher() {}

  static Command millrace(String... arguments) {
    // Whoever runs tests in the background may ignore SIGINT, and the JVM then leaves it ignored.
    List<String> words = new ArrayList<>(List.of("env", "--default-signal=INT", PROGRAM));
    words.addAll(List.of(arguments));
    return Command.of(words.toArray(String[]::new));
  }

  /** Standard error without the JVM's own warning. */
  static String complaints(Command.Result result) {
    return result.err().replace(JVM_WARNING, "");
  }

  /** Sends SIGINT, as a terminal does. */
  static void pressCtrlC(Process process) {
    Command.of("kill", "-INT", Long.toString(process.pid())).run();
  }
}
