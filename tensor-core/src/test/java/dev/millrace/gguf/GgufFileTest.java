package dev.millrace.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.entry;

import dev.millrace.model.DefaultModel;
import dev.millrace.model.TensorData;
import dev.millrace.tensor.ElementType;
import java.io.IOException;
import java.lang.foreign.ValueLayout;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class GgufFileTest {
  private static final Path VOCABULARIES = Path.of("../../shared/data/vocab");

  @TempDir Path folder;

  @Test
  void readsScalarsOfEveryType() {
    GgufFile file =
        RawGguf.keys(12)
            .key("u8", ValueType.UINT8)
            .i8(200)
            .key("i8", ValueType.INT8)
            .i8(-3)
            .key("u16", ValueType.UINT16)
            .i16(60_000)
            .key("i16", ValueType.INT16)
            .i16(-300)
            .key("u32", ValueType.UINT32)
            .i32(-1)
            .key("i32", ValueType.INT32)
            .i32(-70_000)
            .key("f32", ValueType.FLOAT32)
            .i32(Float.floatToIntBits(1.5f))
            .key("bool", ValueType.BOOL)
            .i8(1)
            .key("string", ValueType.STRING)
            .string("Grüße 😀")
            .key("u64", ValueType.UINT64)
            .i64(Long.MAX_VALUE)
            .key("i64", ValueType.INT64)
            .i64(Long.MIN_VALUE)
            .key("f64", ValueType.FLOAT64)
            .i64(Double.doubleToLongBits(0.1))
            .parse();

    assertThat(file.metadata().values())
        .containsExactly(
            entry("u8", 200L),
            entry("i8", -3L),
            entry("u16", 60_000L),
            entry("i16", -300L),
            entry("u32", 0xFFFF_FFFFL),
            entry("i32", -70_000L),
            entry("f32", 1.5),
            entry("bool", true),
            entry("string", "Grüße 😀"),
            entry("u64", Long.MAX_VALUE),
            entry("i64", Long.MIN_VALUE),
            entry("f64", 0.1));
  }

  @Test
  void readsArraysOfEveryType() {
    GgufFile file =
        RawGguf.keys(10)
            .key("u8", ValueType.ARRAY)
            .array(ValueType.UINT8, 2)
            .i8(1)
            .i8(255)
            .key("i16", ValueType.ARRAY)
            .array(ValueType.INT16, 2)
            .i16(-2)
            .i16(2)
            .key("i32", ValueType.ARRAY)
            .array(ValueType.INT32, 1)
            .i32(-7)
            .key("u32", ValueType.ARRAY)
            .array(ValueType.UINT32, 2)
            .i32(7)
            .i32(-1)
            .key("i64", ValueType.ARRAY)
            .array(ValueType.INT64, 1)
            .i64(-7)
            .key("f32", ValueType.ARRAY)
            .array(ValueType.FLOAT32, 1)
            .i32(Float.floatToIntBits(.5f))
            .key("bool", ValueType.ARRAY)
            .array(ValueType.BOOL, 2)
            .i8(0)
            .i8(1)
            .key("string", ValueType.ARRAY)
            .array(ValueType.STRING, 2)
            .string("a")
            .string("")
            .key("f64", ValueType.ARRAY)
            .array(ValueType.FLOAT64, 1)
            .i64(0)
            .key("nested", ValueType.ARRAY)
            .array(ValueType.ARRAY, 2)
            .array(ValueType.INT8, 1)
            .i8(-1)
            .array(ValueType.STRING, 1)
            .string("b")
            .parse();

    var values = file.metadata().values();
    assertThat(values.get("u8")).isEqualTo(new int[] {1, 255});
    assertThat(values.get("i16")).isEqualTo(new int[] {-2, 2});
    assertThat(values.get("i32")).isEqualTo(new int[] {-7});
    assertThat(values.get("u32")).isEqualTo(new long[] {7, 0xFFFF_FFFFL});
    assertThat(values.get("i64")).isEqualTo(new long[] {-7});
    assertThat(values.get("f32")).isEqualTo(new float[] {0.5f});
    assertThat(values.get("bool")).isEqualTo(List.of(false, true));
    assertThat(file.metadata().strings("string")).containsExactly("a", "");
    assertThat(values.get("f64")).isEqualTo(List.of(0.0));
    assertThat((List<?>) values.get("nested")).hasSize(2).last().isEqualTo(List.of("b"));
  }

  @Test
  void givesShapesOutermostFirstAndEachTensorItsOwnBytes() {
    GgufFile file =
        RawGguf.header(2, 2, 0)
            .tensor("a", ElementType.F32.ggufId(), 32, 2, 3)
            .tensor("b", ElementType.Q8_0.ggufId(), 64, 32)
            .align()
            .raw(new byte[32])
            .i32(Float.floatToIntBits(4.25f))
            .raw(new byte[28])
            .i8(9)
            .raw(new byte[33])
            .parse();

    TensorData a = file.tensors().get("a");
    assertThat(a.shape()).containsExactly(3L, 2L);
    assertThat(a.data().byteSize()).isEqualTo(24);
    assertThat(a.data().get(ValueLayout.JAVA_FLOAT_UNALIGNED, 0)).isEqualTo(4.25f);
    TensorData b = file.find("b").orElseThrow();
    assertThat(b.type()).isEqualTo(ElementType.Q8_0);
    assertThat(b.data().byteSize()).isEqualTo(34);
    assertThat(b.data().get(ValueLayout.JAVA_BYTE, 0)).isEqualTo((byte) 9);
    assertThat(file.tensors().keySet()).containsExactly("a", "b");
  }

  @Test
  void givesMalformedTextAReplacementCharacter() {
    GgufFile file =
        RawGguf.keys(1)
            .key("t", ValueType.STRING)
            .i64(3)
            .raw((byte) 'a', (byte) 0xFF, (byte) 'b')
            .parse();
    assertThat(file.metadata().string("t")).isEqualTo("a\uFFFDb");
  }

  @Test
  void fingerprintIsTheFilesHash() throws Exception {
    byte[] bytes = RawGguf.keys(1).key("t", ValueType.STRING).string("x".repeat(200_000)).bytes();
    Path path = Files.write(folder.resolve("hashed.gguf"), bytes);
    try (GgufFile file = GgufFile.open(path)) {
      assertThat(file.name()).isEqualTo("hashed.gguf");
      assertThat(file.fingerprint())
          .isEqualTo(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(bytes)))
          .isSameAs(file.fingerprint());
    }
  }

  @Test
  void opensVocabulariesOfOthers() throws IOException {
    Assumptions.assumeTrue(Files.isDirectory(VOCABULARIES), "no " + VOCABULARIES);
    try (Stream<Path> paths = Files.list(VOCABULARIES)) {
      List<Path> files = paths.filter(p -> p.toString().endsWith(".gguf")).toList();
      assertThat(files).hasSizeGreaterThanOrEqualTo(3);
      for (Path path : files) {
        try (GgufFile file = GgufFile.open(path)) {
          assertThat(file.tensors()).isEmpty();
          assertThat(file.metadata().strings("tokenizer.ggml.tokens")).hasSizeGreaterThan(30_000);
        }
      }
    }
  }

  @Test
  void opensTheDefaultModel() throws IOException {
    try (GgufFile file = GgufFile.open(DefaultModel.orSkip())) {
      assertThat(file.tensors()).hasSize(272);
      assertThat(file.metadata().integer("llama.attention.head_count_kv")).isEqualTo(3);
      TensorData key = file.find("blk.29.attn_k.weight").orElseThrow();
      assertThat(key.type()).isEqualTo(ElementType.Q4_1);
      assertThat(key.shape()).containsExactly(192L, 576L);
      assertThat(key.data().byteSize()).isEqualTo(192 * 576 / 32 * 20);
      assertThat(file.fingerprint())
          .isEqualTo("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53");
    }
  }
}
