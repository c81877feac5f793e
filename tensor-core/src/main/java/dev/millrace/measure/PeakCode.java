package dev.millrace.measure;

import static dev.millrace.assembler.Assembler.Condition.NOT_EQUAL;

import dev.millrace.assembler.Assembler;
import dev.millrace.assembler.CodePages;
import dev.millrace.assembler.CpuFeatures;
import dev.millrace.assembler.Gp;
import dev.millrace.assembler.Label;
import dev.millrace.assembler.Vec;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.Optional;

/**
 * Loops that do one thing as fast as a core can.
 *
 * <pre>void f(address, long loops)</pre>
 */
final class PeakCode {
  /** Bytes that a loop of {@link #read} covers. */
  static final int READ_BYTES = 512;

  /** Accumulators: more than an operation's latency times how many begin in a cycle. */
  private static final int CHAINS = 12;

  private static final Gp ADDRESS = Gp.RDI;
  private static final Gp LOOPS = Gp.RSI;

  private static final MethodHandle CALL =
      CodePages.caller(FunctionDescriptor.ofVoid(ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));

  private final Assembler a = new Assembler();
  private final boolean wide; // AVX-512 with VNNI, else AVX2
  private final MemorySegment fma;
  private final MemorySegment dot;
  private final MemorySegment read;

  /** Empty where machine code can't run, or the CPU has no AVX2. */
  static Optional<PeakCode> emit(Arena arena) {
    if (!CodePages.isSupported()) {
      return Optional.empty();
    }
    try {
      CpuFeatures cpu = CpuFeatures.detect();
      return cpu.avx2() ? Optional.of(new PeakCode(cpu.vnni(), arena)) : Optional.empty();
    } catch (IllegalStateException forbidden) { // by the system: peaks are left out of reports
      return Optional.empty();
    }
  }

  private PeakCode(boolean wide, Arena arena) {
    this.wide = wide;
    int fmaAt = loop(this::fmas);
    int dotAt = loop(this::dots);
    int readAt = loop(this::loads);
    CodePages pages = CodePages.of(a.code(), arena);
    fma = pages.at(fmaAt);
    dot = pages.at(dotAt);
    read = pages.at(readAt);
  }

  private int loop(Runnable body) {
    int start = a.size();
    for (int i = 0; i < CHAINS + 4; i++) {
      a.vpxor(ymm(i), ymm(i), ymm(i)); // also clears what AVX-512 adds: no slow subnormals in it
    }
    Label again = new Label();
    a.bind(again);
    body.run();
    a.sub(LOOPS, 1);
    a.jcc(NOT_EQUAL, again);
    a.vzeroupper();
    a.ret();
    return start;
  }

  private void fmas() {
    for (int i = 0; i < CHAINS; i++) {
      a.vfmadd231ps(vector(i), vector(CHAINS), vector(CHAINS + 1));
    }
  }

  /** As products do it: AVX2 has no more than pairs of bytes into words, which are then added. */
  private void dots() {
    if (wide) {
      for (int i = 0; i < CHAINS; i++) {
        a.vpdpbusd(vector(i), vector(CHAINS), vector(CHAINS + 1));
      }
      return;
    }
    for (int i = 0; i < CHAINS / 2; i++) {
      a.vpmaddubsw(ymm(CHAINS / 2 + i), ymm(CHAINS), ymm(CHAINS + 1));
      a.vpaddw(ymm(i), ymm(i), ymm(CHAINS / 2 + i));
    }
  }

  private void loads() {
    int bytes = wide ? 64 : 32;
    for (int i = 0; i < READ_BYTES / bytes; i++) {
      a.vmovups(vector(i % CHAINS), ADDRESS.at(i * bytes));
    }
    a.add(ADDRESS, READ_BYTES);
  }

  private Vec vector(int number) {
    return wide ? Vec.zmm(number) : ymm(number);
  }

  private static Vec ymm(int number) {
    return Vec.ymm(number);
  }

  String isa() {
    return wide ? "avx512" : "avx2";
  }

  /** Multiply-adds in a loop of {@link #fma}. */
  int fmasInLoop() {
    return CHAINS * (wide ? 16 : 8);
  }

  /** Multiply-adds in a loop of {@link #dot}. */
  int dotsInLoop() {
    return wide ? CHAINS * 64 : CHAINS / 2 * 32;
  }

  void fma(long loops) {
    call(fma, 0, loops);
  }

  void dot(long loops) {
    call(dot, 0, loops);
  }

  /** Reads {@link #READ_BYTES} in each loop. */
  void read(long address, long loops) {
    if (loops > 0) {
      call(read, address, loops);
    }
  }

  private static void call(MemorySegment function, long address, long loops) {
    try {
      CALL.invokeExact(function, address, loops);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("emitted code throws nothing", e);
    }
  }
}
