package dev.millrace.distribution;

import static dev.millrace.distribution.PythonEnvironment.program;
import static dev.millrace.distribution.PythonEnvironment.succeed;

import java.io.IOException;
import org.junit.jupiter.api.Test;

/** Images are built where there is an engine for them; here a linter reads the definition. */
class ContainerImageTest {
  @Test
  void theDefinitionKeepsHadolintsRules() throws IOException {
    PythonEnvironment.install();

    succeed(Command.of(program("hadolint"), "deploy/Dockerfile"));
  }
}
