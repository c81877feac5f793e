package dev.millrace.assembler;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class CpuFeaturesTest {
  @BeforeEach
  void onlyWhereCodeIsEmitted() {
    assumeTrue(CodePages.isSupported(), "not x86-64 Linux: no code is emitted here");
  }

  @Test
  void whatCpuidSaysIsWhatTheKernelLists() throws IOException {
    String line =
        Files.readAllLines(Path.of("/proc/cpuinfo")).stream()
            .filter(l -> l.startsWith("flags"))
            .findFirst()
            .orElse("");
    assumeTrue(!line.isEmpty(), "/proc/cpuinfo lists no flags");
    Set<String> flags = new HashSet<>(Arrays.asList(line.split("\\s+")));
    CpuFeatures features = CpuFeatures.detect();
    assertThat(features.avx2()).isEqualTo(flags.containsAll(Set.of("avx2", "fma", "f16c")));
    assertThat(features.avx512())
        .isEqualTo(flags.containsAll(Set.of("avx512f", "avx512dq", "avx512bw", "avx512vl")));
    assertThat(features.vnni()).isEqualTo(flags.contains("avx512_vnni"));
  }

  @Test
  void emittedCodeIsCalledFromPagesThatAreNotWritableAndLiveAsLongAsTheArena() throws Throwable {
    Assembler a = new Assembler();
    a.lea(Gp.RAX, Gp.RDI.at(Gp.RSI, 4, 5));
    a.ret();
    MethodHandle call =
        CodePages.caller(
            FunctionDescriptor.of(
                ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    long address;
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment f = CodePages.of(a.code(), arena).at(0);
      address = f.address();
      assertThat((long) call.invokeExact(f, 100L, 7L)).isEqualTo(100 + 7 * 4 + 5);
      assertThat(permissions(address)).isEqualTo("r-xp");
    }
    assertThat(permissions(address)).isEqualTo("unmapped");
  }

  /** As /proc/self/maps has them. */
  private static String permissions(long address) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/self/maps"))) {
      String[] parts = line.replaceFirst("-", " ").split(" ", 4);
      boolean holds =
          Long.compareUnsigned(Long.parseUnsignedLong(parts[0], 16), address) <= 0
              && Long.compareUnsigned(address, Long.parseUnsignedLong(parts[1], 16)) < 0;
      if (holds) {
        return parts[2];
      }
    }
    return "unmapped";
  }
}
