package dev.millrace.gguf;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.model.ModelFile;
import dev.millrace.model.Sha256;
import dev.millrace.synthetic.SyntheticModels;
import dev.millrace.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Python's gguf package, the format's own, reads what we write. Skipped without it; {@code
 * MILLRACE_PYTHON} names a Python that has it.
 */
@Timeout(120)
class OthersReadOurGgufTest {
  private static final String PROGRAM =
      """
      import sys, hashlib, gguf
      reader = gguf.GGUFReader(sys.argv[1])
      for name in ("general.architecture", "llama.block_count", "llama.rope.freq_base",
                   "tokenizer.ggml.add_bos_token", "tokenizer.ggml.merges"):
          print(name, reader.fields[name].contents())
      print("tokens", len(reader.fields["tokenizer.ggml.tokens"].contents()))
      for t in reader.tensors:
          shape = [int(n) for n in reversed(t.shape)]
          print(t.name, t.tensor_type.name, shape, hashlib.sha256(t.data.tobytes()).hexdigest())
      """;

  @TempDir Path folder;

  @ParameterizedTest
  @EnumSource
  void pythonsGgufSeesTheSameKeysAndTensors(ElementType type) throws Exception {
    Assumptions.assumeTrue(python("import gguf").isPresent(), "no Python with the gguf package");
    Path path = folder.resolve("model.gguf");
    String shape = type.hasSubScales() ? "small" : "tiny";
    List<String> expected = new ArrayList<>();
    try (ModelFile model = SyntheticModels.open(shape, Optional.of(type.name()))) {
      GgufWriter.write(path, model.metadata(), model.tensors().values());
      expected.add("general.architecture llama");
      expected.add("llama.block_count 2");
      expected.add("llama.rope.freq_base 10000.0");
      expected.add("tokenizer.ggml.add_bos_token True");
      expected.add("tokenizer.ggml.merges []");
      expected.add("tokens 320");
      model
          .tensors()
          .values()
          .forEach(
              tensor ->
                  expected.add(
                      "%s %s %s %s"
                          .formatted(
                              tensor.name(),
                              tensor.type(),
                              tensor.shape(),
                              Sha256.of(tensor.data()))));
    }

    assertThat(python(PROGRAM, path.toString()).orElseThrow().lines())
        .containsExactlyElementsOf(expected);
  }

  /** What a program prints; empty if it can't be run or fails. */
  private static Optional<String> python(String... programAndArguments)
      throws InterruptedException {
    List<String> command = new ArrayList<>();
    command.add(Optional.ofNullable(System.getenv("MILLRACE_PYTHON")).orElse("python3"));
    command.add("-c");
    command.addAll(List.of(programAndArguments));
    try {
      Process process =
          new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.DISCARD).start();
      String printed = new String(process.getInputStream().readAllBytes(), UTF_8);
      boolean ended = process.waitFor(60, TimeUnit.SECONDS);
      return ended && process.exitValue() == 0 ? Optional.of(printed) : Optional.empty();
    } catch (IOException e) {
      return Optional.empty(); // no Python at all
    }
  }
}
