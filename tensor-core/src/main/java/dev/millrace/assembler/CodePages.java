package dev.millrace.assembler;

import static java.lang.foreign.MemorySegment.NULL;
import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.invoke.MethodHandle;
import java.lang.invoke.VarHandle;
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
  private static final int PROT_READ = 1;
  private static final int PROT_WRITE = 2;
  private static final int PROT_EXEC = 4;
  private static final int MAP_PRIVATE_ANONYMOUS = 2 | 0x20;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final StructLayout ERRNO = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO_VALUE =
      ERRNO.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  private final MemorySegment pages; // its scope is the arena's

  private CodePages(MemorySegment pages) {
    this.pages = pages;
  }

  /** Whether this machine is one that the class is for; it may still forbid executable mappings. */
  public static boolean isSupported() {
    String arch = System.getProperty("os.arch", "").toLowerCase(Locale.ROOT);
    return (arch.equals("amd64") || arch.equals("x86_64"))
        && System.getProperty("os.name", "").equals("Linux");
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
    MemorySegment pages = map(code.length);
    MemorySegment.copy(code, 0, pages, JAVA_BYTE, 0, code.length);
    try {
      protect(pages);
    } catch (IllegalStateException refused) {
      unmap(pages);
      throw refused;
    }
    return new CodePages(pages.reinterpret(pages.byteSize(), arena, CodePages::unmap));
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
    return LINKER.downcallHandle(signature);
  }

  private static MemorySegment map(long bytes) {
    FunctionDescriptor signature =
        FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
    int protection = PROT_READ | PROT_WRITE;
    MemorySegment address =
        (MemorySegment)
            libc("mmap", signature, NULL, bytes, protection, MAP_PRIVATE_ANONYMOUS, -1, 0L);
    return address.reinterpret(bytes);
  }

  private static void protect(MemorySegment pages) {
    FunctionDescriptor signature = FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    libc("mprotect", signature, pages, pages.byteSize(), PROT_READ | PROT_EXEC);
  }

  private static void unmap(MemorySegment pages) {
    libc("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG), pages, pages.byteSize());
  }

  /**
   * Calls a function of the C library that says −1 when it fails.
   *
   * @throws IllegalStateException if it does
   */
  private static Object libc(String name, FunctionDescriptor signature, Object... arguments) {
    MethodHandle function =
        LINKER.downcallHandle(
            LINKER.defaultLookup().findOrThrow(name),
            signature,
            Linker.Option.captureCallState("errno"));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment errno = arena.allocate(ERRNO);
      Object result = function.bindTo(errno).invokeWithArguments(arguments);
      long value = result instanceof MemorySegment address ? address.address() : (int) result;
      if (value == -1) {
        throw new IllegalStateException(
            "the system refuses memory for machine code: %s failed with errno %d"
                .formatted(name, (int) ERRNO_VALUE.get(errno, 0L)));
      }
      return result;
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError(name + " throws nothing", e);
    }
  }
}
