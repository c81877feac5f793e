package dev.millrace.assembler;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.lang.foreign.ValueLayout;
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
    MemorySegment.copy(code, 0, pages, ValueLayout.JAVA_BYTE, 0, code.length);
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
    MethodHandle mmap =
        libc(
            "mmap",
            FunctionDescriptor.of(
                ValueLayout.ADDRESS,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_INT,
                ValueLayout.JAVA_LONG));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment errno = arena.allocate(ERRNO);
      MemorySegment address =
          (MemorySegment)
              mmap.invokeExact(
                  errno,
                  MemorySegment.NULL,
                  bytes,
                  PROT_READ | PROT_WRITE,
                  MAP_PRIVATE_ANONYMOUS,
                  -1,
                  0L);
      if (address.address() == -1) {
        throw refused("mmap", errno);
      }
      return address.reinterpret(bytes);
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("mmap throws nothing", e);
    }
  }

  private static void protect(MemorySegment pages) {
    MethodHandle mprotect =
        libc(
            "mprotect",
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT,
                ValueLayout.ADDRESS,
                ValueLayout.JAVA_LONG,
                ValueLayout.JAVA_INT));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment errno = arena.allocate(ERRNO);
      if ((int) mprotect.invokeExact(errno, pages, pages.byteSize(), PROT_READ | PROT_EXEC) != 0) {
        throw refused("mprotect", errno);
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("mprotect throws nothing", e);
    }
  }

  private static void unmap(MemorySegment pages) {
    MethodHandle munmap =
        libc(
            "munmap",
            FunctionDescriptor.of(
                ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment errno = arena.allocate(ERRNO);
      if ((int) munmap.invokeExact(errno, pages, pages.byteSize()) != 0) {
        throw refused("munmap", errno);
      }
    } catch (RuntimeException | Error e) {
      throw e;
    } catch (Throwable e) {
      throw new AssertionError("munmap throws nothing", e);
    }
  }

  private static MethodHandle libc(String name, FunctionDescriptor signature) {
    MemorySegment address = LINKER.defaultLookup().findOrThrow(name);
    return LINKER.downcallHandle(address, signature, Linker.Option.captureCallState("errno"));
  }

  private static IllegalStateException refused(String call, MemorySegment errno) {
    return new IllegalStateException(
        "the system refuses memory for machine code: "
            + call
            + " failed with errno "
            + (int) ERRNO_VALUE.get(errno, 0L));
  }
}
