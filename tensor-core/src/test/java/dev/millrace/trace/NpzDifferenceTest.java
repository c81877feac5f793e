package dev.millrace.trace;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.millrace.tensor.Dim.Hidden;
import dev.millrace.tensor.Dim.Tokens;
import dev.millrace.tensor.Matrix;
import dev.millrace.tensor.Size;
import java.io.IOException;
import java.io.OutputStream;
import java.lang.foreign.Arena;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NpzDifferenceTest {
  @TempDir Path folder;

  @Test
  void namesTheFirstTensorThatDiffersInTheNetworksOrderAndWhereItDiffersMost() throws IOException {
    Path a = trace("a", Map.of(), 1, 2, 3, 4, 5, 6);
    Path b = trace("b", Map.of("blk.1.attn", 4, "logits", 0), 1, 2, 3, 4, 5, 6);

    NpzDifference difference = NpzDifference.of(a, b, 0);

    assertThat(difference.compared()).isEqualTo(3);
    assertThat(difference.first())
        .contains(
            new NpzDifference.Values("blk.1.attn", 1, 6, 0.5, 0.5 / 6, List.of(1L, 1L), 5, 5.5));
  }

  @Test
  void findsNothingInEqualTraces() throws IOException {
    NpzDifference difference =
        NpzDifference.of(
            trace("a", Map.of(), 1, Float.NaN, 3, 4, 5, 6),
            trace("b", Map.of(), 1, Float.NaN, 3, 4, 5, 6),
            0);

    assertThat(difference.first()).isEmpty();
    assertThat(difference.compared()).isEqualTo(4);
  }

  @Test
  void zerosOfDifferentSignsDifferAndAToleranceForgivesThem() throws IOException {
    Path a = trace("a", Map.of(), 0, 2, 3, 4, 5, 6);
    Path b = trace("b", Map.of(), -0f, 2, 3, 4, 5, 6);

    assertThat(NpzDifference.of(a, b, 0).first()).isPresent();
    assertThat(NpzDifference.of(a, b, 1e-9).first()).isEmpty();
  }

  @Test
  void noToleranceForgivesWhatIsNotANumber() throws IOException {
    Path a = trace("a", Map.of(), 1, 2, 3, 4, 5, 6);
    Path b = trace("b", Map.of(), 1, Float.NaN, 3, 4, 5, 6);

    assertThat(NpzDifference.of(a, b, 100).first()).isPresent();
  }

  @Test
  void toleranceIsRelativeToTheTensorsLargestValue() throws IOException {
    Path a = trace("a", Map.of(), 1, 2, 3, 4, 5, 100);
    Path b = trace("b", Map.of("blk.0.attn", 0), 1, 2, 3, 4, 5, 100); // 0.5 of 100

    assertThat(NpzDifference.of(a, b, 0.004).first()).isPresent();
    assertThat(NpzDifference.of(a, b, 0.006).first()).isEmpty();
  }

  @Test
  void readsOtherTypesOfNumbersAndRowsWithoutTheirMatrix() throws IOException {
    Path a = trace("a", Map.of(), 1, 2, 3, 4, 5, 6);
    byte[] oneToSix = {0, 0x3C, 0, 0x40, 0, 0x42, 0, 0x44, 0, 0x45, 0, 0x46}; // as halves
    Path b = foreign("<f2", "(1, 2, 3)", oneToSix, "extra");

    NpzDifference difference = NpzDifference.of(a, b, 0);

    assertThat(difference.first()).isEmpty();
    assertThat(difference.compared()).isEqualTo(1);
    assertThat(difference.onlyInA()).containsExactly("token_embd", "blk.0.attn", "blk.1.attn");
    assertThat(difference.onlyInB()).containsExactly("extra");
  }

  @Test
  void tellsShapesThatDiffer() throws IOException {
    Path a = trace("a", Map.of(), 1, 2, 3, 4, 5, 6);

    assertThat(NpzDifference.of(a, foreign("<f4", "(6,)", new byte[24], "extra"), 0).first())
        .contains(new NpzDifference.Shapes("logits", List.of(2L, 3L), List.of(6L)));
  }

  @Test
  void saysWhichTensorItCantRead() throws IOException {
    Path a = trace("a", Map.of(), 1, 2, 3, 4, 5, 6);
    Path b = foreign("<i4", "(2, 3)", new byte[24], "extra");

    assertThatThrownBy(() -> NpzDifference.of(a, b, 0))
        .isInstanceOf(IOException.class)
        .hasMessageContaining("logits")
        .hasMessageContaining("<i4");
  }

  /** A file as others write it: logits, and an empty entry. */
  private Path foreign(String type, String shape, byte[] logits, String empty) throws IOException {
    Path file = folder.resolve("foreign.npz");
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
      zip.putNextEntry(new ZipEntry("logits.npy"));
      array(zip, type, shape, logits);
      zip.putNextEntry(new ZipEntry(empty + ".npy"));
    }
    return file;
  }

  private static void array(OutputStream out, String type, String shape, byte[] values)
      throws IOException {
    String header =
        "{'descr': '%s', 'fortran_order': False, 'shape': %s, }\n".formatted(type, shape);
    out.write(new byte[] {(byte) 0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, (byte) header.length(), 0});
    out.write(header.getBytes(StandardCharsets.US_ASCII));
    out.write(values);
  }

  /**
   * A trace of four tensors [2, 3] of the same values.
   *
   * @param changed by tensor, the index of a value that is 0.5 more
   */
  private Path trace(String name, Map<String, Integer> changed, float... values)
      throws IOException {
    Path file = folder.resolve(name + ".npz");
    try (Arena arena = Arena.ofConfined();
        NpzProbe probe = new NpzProbe(file, any -> true)) {
      for (String tensor : List.of("token_embd", "blk.0.attn", "blk.1.attn", "logits")) {
        Matrix<Tokens, Hidden> matrix = Matrix.allocate(arena, new Size<>(2), new Size<>(3));
        for (int i = 0; i < values.length; i++) {
          boolean isChanged = changed.getOrDefault(tensor, -1) == i;
          matrix.set(i / 3, i % 3, isChanged ? values[i] + 0.5f : values[i]);
        }
        probe.see(tensor, matrix);
      }
    }
    return file;
  }
}
