package dev.millrace.network;

import dev.millrace.gguf.GgufFile;
import dev.millrace.kernel.vector.VectorKernels;
import dev.millrace.model.ModelFile;
import dev.millrace.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * Prints the digests of a 200-token prompt's logits along every path through a model, with the
 * Vector kernels at the width that this JVM was started with.
 *
 * <p>System properties: {@code threads} (1,2) and {@code model} (a file; else tiny ones of all
 * types).
 */
final class PrintPaths {
  static final String MARK = "digest ";
  static final int PROMPT = 200;

  /** In a file's model: the scalar kernels would take too long over the logits of all. */
  static final int FILE_ROWS = 16;

  private PrintPaths() {}

  public static void main(String[] arguments) throws IOException {
    int[] threads =
        Stream.of(System.getProperty("threads").split(",")).mapToInt(Integer::parseInt).toArray();
    String path = System.getProperty("model");
    if (path != null) {
      try (GgufFile file = GgufFile.open(Path.of(path))) {
        print(file.name(), file, threads, FILE_ROWS);
      }
      return;
    }
    for (ElementType type : ElementType.values()) {
      try (TinyModel model = new TinyModel(type)) {
        print(type.name(), model, threads, PROMPT);
      }
    }
  }

  private static void print(String name, ModelFile file, int[] threads, int loggedRows) {
    for (int count : threads) {
      try (PromptRunner runner =
          new PromptRunner(file, new VectorKernels(), count, 32, PROMPT, loggedRows)) {
        runner
            .allPaths()
            .forEach((path, digest) -> System.out.println(MARK + name + " " + path + " " + digest));
      }
    }
  }
}
