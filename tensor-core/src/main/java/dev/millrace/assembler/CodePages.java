package dev.millrace.assembler;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;

import dev.millrace.memory.Pages;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.invoke.MethodHandle;
import java.util.Locale;

/**
 * Machine code in memory that can be called: written while its pages are writable, then made
 * executable and read-only, never both at once (mmap, mprotect: POSIX.1-2024). Lives as long as an
 * arena.
 *
 * <p>For x86-64 Linux, whose calling convention the code must have (System V ABI).
 */
@SuppressWarnings("restricted") // native calls are what this class is for
public final class CodePages {
  private final MemorySegment pages; // its scope is the arena's

  private CodePages(MemorySegment pages) {
    this.pages = pages;
  }

  /** Whether this machine is one that the class is for; it may still forbid executable mappings. */
  public static boolean isSupported() {
    String arch = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
    return (arch.equals("amd64") || arch.equals("x86_64")) && Pages.areSupported();
  }

  /**
   * Puts code into executable memory, until the arena is closed.
   *
   * @throws IllegalStateException if the system refuses: hosts may forbid executable mappings
   */
  public static CodePages of(byte[] code, Arena arena) {
    if (!isSupported()) {
      throw new IllegalStateException("machine code is only emitted on x86-64 Linux");
    }
    MemorySegment pages = Pages.map(code.length);
    MemorySegment.copy(code, 0, pages, JAVA_BYTE, 0, code.length);
    try {
      Pages.makeExecutable(pages);
    } catch (IllegalStateException refused) {
      Pages.unmap(pages);
      throw refused;
    }
    return new CodePages(pages.reinterpret(pages.byteSize(), arena, Pages::unmap));
  }

  /** The function that starts at a byte offset. */
  public MemorySegment at(long offset) {
    return pages.asSlice(offset, 1);
  }

  /**
   * Calls functions of a signature; the function, of {@link #at}, is the first argument. To be kept
   * in a static final field: only then do calls cost nanoseconds.
   */
  public static MethodHandle caller(FunctionDescriptor signature) {
    return Linker.nativeLinker().downcallHandle(signature);
  }
}
