package dev.millrace.assembler;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/**
 * What this CPU can do and the operating system lets it do, asked by CPUID and XGETBV (Intel SDM
 * volume 2, CPUID; volume 1, 14.3 and 15.2), themselves emitted code.
 *
 * @param avx2 AVX2, FMA and F16C, with ymm state saved by the system
 * @param avx512 AVX-512 F, BW, DQ and VL, with zmm and mask state saved by the system
 * @param vnni AVX-512 VNNI; only with avx512
 */
public record CpuFeatures(boolean avx2, boolean avx512, boolean vnni) {
  private static final int YMM_STATE = 0x6; // XCR0: SSE, AVX
  private static final int ZMM_STATE = 0xE6; // and opmask, upper halves of zmm, zmm16 to 31

  /**
   * Asks the CPU.
   *
   * @throws IllegalStateException if the system forbids emitted code
   */
  public static CpuFeatures detect() {
    Assembler a = new Assembler();
    // void cpuid(long leaf, long subleaf, int[4] out)
    a.push(Gp.RBX);
    a.mov(Gp.R8, Gp.RDX);
    a.mov(Gp.RAX, Gp.RDI);
    a.mov(Gp.RCX, Gp.RSI);
    a.cpuid();
    a.mov32(Gp.R8.at(0), Gp.RAX);
    a.mov32(Gp.R8.at(4), Gp.RBX);
    a.mov32(Gp.R8.at(8), Gp.RCX);
    a.mov32(Gp.R8.at(12), Gp.RDX);
    a.pop(Gp.RBX);
    a.ret();
    int xgetbvOffset = a.code().length;
    // long xgetbv()
    a.xor(Gp.RCX, Gp.RCX);
    a.xgetbv();
    a.shl(Gp.RDX, 32);
    a.add(Gp.RAX, Gp.RDX);
    a.ret();

    try (Arena arena = Arena.ofConfined()) {
      CodePages pages = CodePages.of(a.code(), arena);
      MethodHandle cpuid =
          CodePages.caller(
              FunctionDescriptor.ofVoid(
                  ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS));
      MethodHandle xgetbv = CodePages.caller(FunctionDescriptor.of(ValueLayout.JAVA_LONG));
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT, 4);
      cpuid.invokeExact(pages.at(0), 0L, 0L, out);
      int leaves = out.getAtIndex(ValueLayout.JAVA_INT, 0);
      cpuid.invokeExact(pages.at(0), 1L, 0L, out);
      int ecx1 = out.getAtIndex(ValueLayout.JAVA_INT, 2);
      if (leaves < 7 || !bit(ecx1, 27)) { // OSXSAVE: xgetbv is there
        return new CpuFeatures(false, false, false);
      }
      long state = (long) xgetbv.invokeExact(pages.at(xgetbvOffset));
      cpuid.invokeExact(pages.at(0), 7L, 0L, out);
      int ebx7 = out.getAtIndex(ValueLayout.JAVA_INT, 1);
      int ecx7 = out.getAtIndex(ValueLayout.JAVA_INT, 2);
      boolean fmaAndF16c = bit(ecx1, 12) && bit(ecx1, 28) && bit(ecx1, 29);
      boolean avx2 = fmaAndF16c && bit(ebx7, 5) && (state & YMM_STATE) == YMM_STATE;
      boolean allFour =
          bit(ebx7, 16) && bit(ebx7, 17) && bit(ebx7, 30) && bit(ebx7, 31); // F, DQ, BW, VL
      boolean avx512 = avx2 && allFour && (state & ZMM_STATE) == ZMM_STATE;
      return new CpuFeatures(avx2, avx512, avx512 && bit(ecx7, 11));
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("the emitted code throws nothing", e);
    }
  }

  private static boolean bit(int word, int index) {
    return (word >>> index & 1) == 1;
  }
}
