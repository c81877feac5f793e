package dev.millrace.gguf;

import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.millrace.model.ModelFormatException;
import dev.millrace.tensor.ElementType;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files made to do harm, each refused with one message that names the culprit. */
class HostileGgufTest {
  private static final int F32 = 0;
  private static final int Q4_0 = 2;

  @Test
  void refusesOtherFilesAndVersions() {
    refused(new RawGguf(), "needs 4 bytes, the file has 0 left");
    refused(new RawGguf().raw("PK\3\4 and so on, as zip files do"), "not a GGUF file");
    refused(RawGguf.header(1, 0, 0), "version 1; supported are 2 and 3");
    refused(RawGguf.header(4, 0, 0), "version 4; supported are 2 and 3");
    refused(RawGguf.header(3 << 24, 0, 0), "big-endian");
    refused(new RawGguf().raw("GGUF").i32(3).i64(0), "header: needs 8 bytes");
  }

  @Test
  void refusesCountsThatCannotBe() {
    refused(RawGguf.header(3, -1, 0), "tensor count 18446744073709551615 is too large");
    refused(RawGguf.header(3, 1L << 60, 0), "tensor count 1152921504606846976; at most");
    refused(RawGguf.header(3, 1000, 0), "tensor count 1000 doesn't fit the 8 bytes left");
    refused(RawGguf.keys(1L << 60), "metadata key count 1152921504606846976; at most");
    refused(RawGguf.keys(60_000), "metadata key count 60000 doesn't fit the 0 bytes left");
    refused(
        RawGguf.keys(2).key("a", ValueType.UINT8).i8(0).i64(99).raw(new byte[9]),
        "key number 1: needs 99");
  }

  @Test
  void refusesKeysThatCannotBe() {
    refused(RawGguf.keys(1).i64(1L << 62).raw(new byte[16]), "key number 0: string of 46116860");
    refused(RawGguf.keys(1).i64(99).raw(new byte[16]), "key number 0: needs 99 bytes, the file");
    refused(RawGguf.keys(1).i64(1).i8(0xFF).i32(0).i8(0), "isn't UTF-8");
    refused(
        RawGguf.keys(1).string("a\u001b[2Jb").i32(99).i8(0),
        "key a\uFFFD[2Jb: unknown value type 99");
    refused(
        RawGguf.keys(2).key("twice", ValueType.UINT8).i8(0).key("twice", ValueType.UINT8).i8(0),
        "metadata key twice: the key occurs twice");
    refused(RawGguf.keys(1).key("flag", ValueType.BOOL).i8(2), "flag: a bool is 0 or 1, not 2");
    refused(
        RawGguf.keys(1).key("big", ValueType.UINT64).i64(-1), "big: value 18446744073709551615");
  }

  @Test
  void refusesStringsAndArraysPastTheEnd() {
    refused(
        RawGguf.keys(1).key("s", ValueType.STRING).i64(1L << 40), "key s: string of 1099511627776");
    refused(RawGguf.keys(1).key("s", ValueType.STRING).i64(5).raw("four"), "key s: needs 5 bytes");
    refused(
        RawGguf.keys(1).key("a", ValueType.ARRAY).array(ValueType.UINT8, 1L << 60).i8(1),
        "key a: array of 1152921504606846976 UINT8 doesn't fit the 1 bytes left");
    refused(
        RawGguf.keys(1).key("a", ValueType.ARRAY).array(ValueType.STRING, 2).string("only one"),
        "key a: needs 8 bytes, the file has 0 left");
    refused(
        RawGguf.keys(1).key("a", ValueType.ARRAY).i32(13).i64(0), "key a: unknown value type 13");
  }

  @Test
  void refusesDeepNesting() {
    RawGguf deep = RawGguf.keys(1).key("deep", ValueType.ARRAY);
    for (int i = 0; i < 100_000; i++) {
      deep.array(ValueType.ARRAY, 1);
    }
    refused(deep.array(ValueType.UINT8, 0), "key deep: arrays nested deeper than 4");
  }

  @Test
  void refusesMetadataThatWouldFillTheHeap() {
    // Empty strings: 8 bytes in the file, 64 on the heap.
    int strings = (int) (GgufParser.MAX_METADATA_HEAP / ValueType.STRING.heapBytes());
    refused(
        RawGguf.keys(1)
            .key("many", ValueType.ARRAY)
            .array(ValueType.STRING, strings)
            .raw(new byte[8 * strings]),
        "key many: metadata would take more than 256 MiB of heap");
  }

  @Test
  void refusesAlignmentsThatCannotBe() {
    for (int alignment : new int[] {0, 1, 24, -8, 1 << 30}) {
      refused(
          RawGguf.keys(1).key("general.alignment", ValueType.INT32).i32(alignment),
          "general.alignment: must be a power of two from 8 to 65536, not " + alignment);
    }
    refused(
        RawGguf.keys(1).key("general.alignment", ValueType.STRING).string("32"),
        "general.alignment: expected");
  }

  @Test
  void refusesShapesThatCannotBe() {
    refused(tensor("t", F32, 0), "tensor t: 0 dimensions; allowed are 1 to 4");
    refused(tensor("t", F32, 0, 1, 1, 1, 1, 1), "tensor t: 5 dimensions");
    refused(tensor("t", F32, 0, 4, 0), "tensor t: dimension 1 is 0");
    refused(tensor("t", F32, 0, -1), "tensor t: dimension 18446744073709551615 is too large");
    refused(tensor("t", F32, 0, 1L << 40, 1L << 40), "tensor t: shape");
    refused(tensor("t", F32, 0, Long.MAX_VALUE), "tensor t: shape");
    refused(tensor("t", Q4_0, 0, 16, 2), "tensor t: rows of 16 values aren't whole blocks of 32");
    refused(
        tensor("t", ElementType.Q6_K.ggufId(), 0, 576, 2),
        "tensor t: rows of 576 values aren't whole blocks of 256");
  }

  @Test
  void refusesTensorTypesByTheirNames() {
    refused(
        tensor("blk.0.w", 11, 0, 256),
        "tensor blk.0.w: type Q3_K isn't supported; supported are [F32");
    refused(tensor("blk.0.w", 4, 0, 256), "tensor blk.0.w: type number 4 isn't supported");
    refused(tensor("blk.0.w", -1, 0, 256), "type number 4294967295 isn't supported");
  }

  @Test
  void refusesTensorsOutsideTheFileOrOnTopOfEachOther() {
    refused(tensor("t", F32, 0, 65), "tensor t: 260 bytes at offset 0 of the data, which has 256");
    refused(tensor("t", F32, 256, 1), "tensor t: 4 bytes at offset 256 of the data, which has 256");
    refused(tensor("t", F32, Long.MAX_VALUE - 31, 16), "tensor t: 64 bytes at offset 92233");
    refused(tensor("t", F32, 4, 1), "tensor t: offset 4 isn't a multiple of 32");
    refused(tensor("t", F32, -32, 1), "tensor t: offset 18446744073709551584 is too large");
    refused(
        RawGguf.header(3, 2, 0)
            .tensor("a", F32, 32, 9)
            .tensor("b", F32, 64, 1)
            .align()
            .raw(new byte[256]),
        "tensor b: overlaps tensor a");
    refused(
        RawGguf.header(3, 2, 0)
            .tensor("a", F32, 0, 1)
            .tensor("a", F32, 32, 1)
            .align()
            .raw(new byte[256]),
        "tensor a: the name occurs twice");
    refused(tensor("n".repeat(65), F32, 0, 1), "tensor number 0: string of 65 bytes; at most 64");
  }

  @Test
  void refusesWhatIsNoFile(@TempDir Path folder) throws IOException {
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> GgufFile.open(folder.resolve("absent.gguf")).close())
        .withMessageContaining("absent.gguf doesn't exist");
    assertThatExceptionOfType(IOException.class)
        .isThrownBy(() -> GgufFile.open(folder).close())
        .withMessageContaining("isn't a file");
    Path empty = Files.createFile(folder.resolve("empty.gguf"));
    assertThatExceptionOfType(ModelFormatException.class)
        .isThrownBy(() -> GgufFile.open(empty).close())
        .withMessageContaining("empty.gguf: header");
  }

  /** One tensor over 256 bytes of data. */
  private static RawGguf tensor(String name, int type, long offset, long... dimensions) {
    return RawGguf.header(3, 1, 0)
        .tensor(name, type, offset, dimensions)
        .align()
        .raw(new byte[256]);
  }

  private static void refused(RawGguf file, String message) {
    assertThatExceptionOfType(ModelFormatException.class)
        .isThrownBy(file::parse)
        .withMessageContaining(message);
  }
}
