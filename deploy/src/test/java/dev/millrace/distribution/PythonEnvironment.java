package dev.millrace.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;

/** A virtual environment under target/, with what tests need from Python's package index. */
final class PythonEnvironment {
  static final Path FOLDER = Path.of("target/python").toAbsolutePath();
  static final Path SOURCES = Path.of("src/test/python").toAbsolutePath();

  private PythonEnvironment() {}

  /** Once for each list of requirements: installing takes longer than all the tests. */
  static void install() throws IOException {
    Path requirements = SOURCES.resolve("requirements.txt");
    Path installed = FOLDER.resolve("requirements.txt");
    if (Files.exists(installed) && Files.mismatch(requirements, installed) == -1) {
      return;
    }
    Command.Result made = Command.of("python3", "-m", "venv", "--clear", FOLDER.toString()).run();
    if (made.exitCode() != 0) {
      throw Command.skip("python3 has no venv with pip here: " + made.err() + made.out());
    }
    succeed(
        Command.of(program("pip"), "install", "--quiet", "-r", requirements.toString())
            .within(Duration.ofMinutes(5)));
    Files.copy(requirements, installed);
  }

  /** A program of the environment: {@code python}, or one that a package brings. */
  static String program(String name) {
    return FOLDER.resolve("bin").resolve(name).toString();
  }

  static void succeed(Command command) {
    Command.Result result = command.run();
    assertThat(result.exitCode()).as(result.out() + result.err()).isZero();
  }
}
