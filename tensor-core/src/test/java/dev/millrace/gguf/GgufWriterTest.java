package dev.millrace.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.millrace.model.Metadata;
import dev.millrace.model.TensorData;
import dev.millrace.tensor.ElementType;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufWriterTest {
  @TempDir Path folder;

  @Test
  void whatWasWrittenReadsBackTheSame() throws IOException {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("general.architecture", "llama");
    values.put("general.alignment", 64L);
    values.put("whole", 0xFFFF_FFFFL);
    values.put("negative", -1L);
    values.put("long", -(1L << 40));
    values.put("float", 0.25);
    values.put("double", 0.1);
    values.put("nan", Double.NaN);
    values.put("bool", true);
    values.put("ints", new int[] {1, -2});
    values.put("longs", new long[] {1, 1L << 40});
    values.put("floats", new float[] {1, Float.NaN});
    values.put("doubles", List.of(0.1, 0.5));
    values.put("strings", List.of("a", "é"));
    values.put("none", List.of());
    values.put("nested", List.of(List.of("x"), List.of(true)));
    List<TensorData> tensors =
        List.of(
            tensor("one", ElementType.F32, List.of(3L)),
            tensor("two", ElementType.Q4_1, List.of(2L, 3L, 32L)),
            tensor("three", ElementType.BF16, List.of(1L)));

    Path path = folder.resolve("written.gguf");
    GgufWriter.write(path, new Metadata(values), tensors);

    try (GgufFile file = GgufFile.open(path)) {
      Map<String, Object> read = file.metadata().values();
      assertThat(read.keySet()).containsExactlyElementsOf(values.keySet());
      values.forEach((key, value) -> assertThat(read.get(key)).as(key).isEqualTo(value));
      assertThat(file.tensors().values()).hasSameSizeAs(tensors);
      for (TensorData wanted : tensors) {
        TensorData found = file.find(wanted.name()).orElseThrow();
        assertThat(found.type()).isEqualTo(wanted.type());
        assertThat(found.shape()).isEqualTo(wanted.shape());
        assertThat(found.data().mismatch(wanted.data())).isEqualTo(-1);
        assertThat(found.data().address() % 64).isZero();
      }
    }
    assertThat(folder.toFile().list()).containsExactly(path.getFileName().toString());
  }

  @Test
  void refusesValuesThatGgufCannotHoldAndLeavesNothingBehind() throws IOException {
    Path path = folder.resolve("none.gguf");
    assertThatExceptionOfType(IllegalArgumentException.class)
        .isThrownBy(
            () -> GgufWriter.write(path, new Metadata(Map.of("k", new Object())), List.of()))
        .withMessageContaining("java.lang.Object");
    assertThatExceptionOfType(IllegalArgumentException.class)
        .isThrownBy(
            () -> GgufWriter.write(path, new Metadata(Map.of("k", List.of("a", 1L))), List.of()))
        .withMessageContaining("STRING and UINT32");
    assertThat(folder.toFile().list()).isEmpty();
  }

  private static TensorData tensor(String name, ElementType type, List<Long> shape) {
    long elements = shape.stream().reduce(1L, Math::multiplyExact);
    byte[] bytes = new byte[(int) type.bytes(elements)];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) (name.length() + i);
    }
    return new TensorData(name, type, shape, MemorySegment.ofArray(bytes));
  }
}
