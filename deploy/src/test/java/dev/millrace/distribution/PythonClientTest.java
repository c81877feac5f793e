package dev.millrace.distribution;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.server.MillraceServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A Python client, with stubs that grpcio-tools makes of proto/ alone, against a running server.
 */
class PythonClientTest {
  private static final Path SOURCES = Path.of("src/test/python").toAbsolutePath();
  private static final Path ENVIRONMENT = Path.of("target/python").toAbsolutePath();
  private static final String PYTHON = ENVIRONMENT.resolve("bin/python").toString();
  private static final Path STUBS = ENVIRONMENT.resolve("stubs");
  private static final String PROTO = "proto/src/main/proto";

  private static MillraceServer server;

  @BeforeAll
  static void makeTheClientAndStartTheServer() throws IOException {
    installLibraries();
    Files.createDirectories(STUBS);
    succeed(
        Command.of(
            PYTHON,
            "-m",
            "grpc_tools.protoc",
            "--proto_path=" + PROTO,
            "--python_out=" + STUBS,
            "--grpc_python_out=" + STUBS,
            "millrace/v1/generation.proto",
            "millrace/v1/models.proto"));
    server = TinyServer.start();
  }

  @AfterAll
  static void stop() {
    if (server != null) {
      server.close();
    }
  }

  @ParameterizedTest(name = "aPythonClient_{0}")
  @ValueSource(strings = {"generates", "cancels", "hits_a_deadline", "reads_error_details"})
  void aPythonClient(String does) {
    succeed(
        Command.of(
                PYTHON, SOURCES.resolve("client.py").toString(), "127.0.0.1:" + server.port(), does)
            .with("PYTHONPATH", STUBS.toString()));
  }

  /** Once for each list of requirements: installing takes longer than all the tests. */
  private static void installLibraries() throws IOException {
    Path requirements = SOURCES.resolve("requirements.txt");
    Path installed = ENVIRONMENT.resolve("requirements.txt");
    if (Files.exists(installed) && Files.mismatch(requirements, installed) == -1) {
      return;
    }
    Command.Result made =
        Command.of("python3", "-m", "venv", "--clear", ENVIRONMENT.toString()).run();
    if (made.exitCode() != 0) {
      throw Command.skip("python3 has no venv with pip here: " + made.err() + made.out());
    }
    succeed(
        Command.of(PYTHON, "-m", "pip", "install", "--quiet", "-r", requirements.toString())
            .within(Duration.ofMinutes(5)));
    Files.copy(requirements, installed);
  }

  private static void succeed(Command command) {
    Command.Result result = command.run();
    assertThat(result.exitCode()).as(result.out() + result.err()).isZero();
  }
}
