package dev.millrace.network;

import dev.millrace.gguf.GgufFile;
import dev.millrace.kernel.vector.VectorKernels;
import dev.millrace.model.ModelFile;
import dev.millrace.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Prints the digests of a 200-token prompt's logits along every path through a model, with the
 * Vector kernels at the width that this JVM was started with.
 *
 * <p>On one thread and two. System property: {@code model} (a file; else tiny ones of all types).
 */
final class PrintPaths {
  static final String MARK = "digest ";
  static final int PROMPT = 200;

  private PrintPaths() {}

  public static void main(String[] arguments) throws IOException {
    String path = System.getProperty("model");
    if (path != null) {
      try (GgufFile file = GgufFile.open(Path.of(path))) {
        print(file.name(), file);
      }
      return;
    }
    for (ElementType type : ElementType.values()) {
      try (TinyModel model = new TinyModel(type)) {
        print(type.name(), model);
      }
    }
  }

  private static void print(String name, ModelFile file) {
    for (int threads = 1; threads <= 2; threads++) {
      try (PromptRunner runner =
          new PromptRunner(file, new VectorKernels(), threads, 32, PROMPT, PROMPT)) {
        runner
            .allPaths()
            .forEach((path, digest) -> System.out.println(MARK + name + " " + path + " " + digest));
      }
    }
  }
}
