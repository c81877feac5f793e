package dev.millrace.kernel;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.util.Objects.requireNonNull;
import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.tier.Tiers;
import dev.millrace.kernel.vector.VectorKernels;
import dev.millrace.tensor.ElementType;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Rows of quantized weights, looked up, have the bits that Python's gguf package gives them; {@code
 * tools/record_dequantized.py} recorded those.
 */
class DequantizedTest {
  static Stream<Kernels> tiers() {
    return Stream.of(new ScalarKernels(), new VectorKernels(), Tiers.choose(Tiers.AUTO).kernels());
  }

  @ParameterizedTest
  @MethodSource("tiers")
  void lookupsHaveTheBitsOfTheFormatsOwnPackage(Kernels kernels) throws IOException {
    Set<ElementType> seen = EnumSet.noneOf(ElementType.class);
    for (String line : recorded()) {
      String[] parts = line.split(" ", -1);
      ElementType type = ElementType.valueOf(parts[0]);
      byte[] block = HexFormat.of().parseHex(parts[1]);
      ByteBuffer values = ByteBuffer.wrap(HexFormat.of().parseHex(parts[2]));
      values.order(ByteOrder.LITTLE_ENDIAN);
      try (Arena arena = Arena.ofConfined()) {
        MemorySegment file = arena.allocate(block.length).copyFrom(MemorySegment.ofArray(block));
        MemorySegment row = arena.allocate(ValueLayout.JAVA_FLOAT, type.blockSize());
        kernels.lookup(kernels.pack(type, file, 1, type.blockSize(), arena), 0, row, 0);
        for (int i = 0; i < type.blockSize(); i++) {
          assertThat(row.getAtIndex(ValueLayout.JAVA_FLOAT, i))
              .as("%s, value %d of %s", type, i, parts[1])
              .isEqualTo(values.getFloat());
        }
      }
      seen.add(type);
    }
    assertThat(seen).containsAll(quantized());
  }

  private static List<ElementType> quantized() {
    return Stream.of(ElementType.values()).filter(ElementType::isQuantized).toList();
  }

  private static List<String> recorded() throws IOException {
    try (InputStream in =
        requireNonNull(DequantizedTest.class.getResourceAsStream("dequantized.txt"))) {
      return new String(in.readAllBytes(), US_ASCII).lines().toList();
    }
  }
}
