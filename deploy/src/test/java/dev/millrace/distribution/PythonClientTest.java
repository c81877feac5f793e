package dev.millrace.distribution;

import static dev.millrace.distribution.PythonEnvironment.program;
import static dev.millrace.distribution.PythonEnvironment.succeed;

import dev.millrace.server.MillraceServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A Python client, with stubs that grpcio-tools makes of proto/ alone, against a running server.
 */
class PythonClientTest {
  private static final Path STUBS = PythonEnvironment.FOLDER.resolve("stubs");
  private static final String PROTO = "proto/src/main/proto";

  private static MillraceServer server;

  @BeforeAll
  static void makeTheClientAndStartTheServer() throws IOException {
    PythonEnvironment.install();
    Files.createDirectories(STUBS);
    succeed(
        Command.of(
            program("python"),
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
  @ValueSource(
      strings = {
        "generates",
        "cancels",
        "leaves_the_rest_unmade",
        "hits_a_deadline",
        "reads_error_details"
      })
  void aPythonClient(String does) {
    String script = PythonEnvironment.SOURCES.resolve("client.py").toString();

    succeed(
        Command.of(program("python"), script, "127.0.0.1:" + server.port(), does)
            .with("PYTHONPATH", STUBS.toString()));
  }
}
