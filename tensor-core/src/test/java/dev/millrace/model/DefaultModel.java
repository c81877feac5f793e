package dev.millrace.model;

import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;

/** The default model's file, where the user's cache has it. */
public final class DefaultModel {
  private DefaultModel() {}

  /** Skips the test where the file is absent: {@code ./millrace models pull} fetches it. */
  public static Path orSkip() {
    String moved = System.getenv("MILLRACE_MODELS");
    Path folder =
        moved != null
            ? Path.of(moved)
            : Path.of(System.getProperty("user.home"), ".cache/millrace");
    Path file = folder.resolve("SmolLM2-135M-Instruct.Q4_1.gguf");
    Assumptions.assumeTrue(
        Files.exists(file), () -> "SKIPPED, the default model is absent: " + file);
    return file;
  }
}
