package dev.millrace.memory;

import static java.lang.foreign.MemorySegment.NULL;
import static java.lang.foreign.ValueLayout.ADDRESS;
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
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Linux' calls for memory by the page (POSIX.1-2024; madvise(2)), with Linux' numbers. */
@SuppressWarnings("restricted") // native calls are what this class is for
public final class Pages {
  private static final int PROT_READ = 1;
  private static final int PROT_WRITE = 2;
  private static final int PROT_EXEC = 4;
  private static final int MAP_PRIVATE_ANONYMOUS = 2 | 0x20;
  private static final int MADV_HUGEPAGE = 14;
  private static final int MADV_POPULATE_WRITE = 23; // since Linux 5.14

  /** Addresses for the system are multiples of this, whatever its pages: 4 to 64 KiB. */
  private static final long LARGEST_SMALL_PAGE = 64 << 10;

  private static final Linker LINKER = Linker.nativeLinker();
  private static final StructLayout ERRNO = Linker.Option.captureStateLayout();
  private static final VarHandle ERRNO_VALUE =
      ERRNO.varHandle(MemoryLayout.PathElement.groupElement("errno"));

  /** By name, each linked once: a large cache becomes resident in thousands of calls. */
  private static final Map<String, MethodHandle> FUNCTIONS = new ConcurrentHashMap<>();

  private Pages() {}

  public static boolean areSupported() {
    return System.getProperty("os.name", "").equals("Linux");
  }

  /**
   * New pages of zeros; in memory only once they are touched.
   *
   * @throws IllegalStateException if the system refuses
   */
  public static MemorySegment map(long bytes) {
    FunctionDescriptor signature =
        FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_LONG, JAVA_INT, JAVA_INT, JAVA_INT, JAVA_LONG);
    int protection = PROT_READ | PROT_WRITE;
    MemorySegment address =
        (MemorySegment)
            libc("mmap", signature, NULL, bytes, protection, MAP_PRIVATE_ANONYMOUS, -1, 0L);
    return address.reinterpret(bytes);
  }

  /**
   * Makes pages executable, and read-only.
   *
   * @throws IllegalStateException if the system refuses
   */
  public static void makeExecutable(MemorySegment pages) {
    FunctionDescriptor signature = FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    libc("mprotect", signature, pages, pages.byteSize(), PROT_READ | PROT_EXEC);
  }

  /**
   * Asks for pages of 2 MiB.
   *
   * @throws IllegalStateException if the system has none
   */
  static void adviseHuge(MemorySegment pages) {
    FunctionDescriptor signature = FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    libc("madvise", signature, pages, pages.byteSize(), MADV_HUGEPAGE);
  }

  /**
   * Makes pages resident as writing would, without changing what they hold.
   *
   * @param within memory whose mapping begins at a multiple of 64 KiB
   * @throws IllegalStateException if the system can't, or hasn't the memory
   */
  static void populate(MemorySegment within) {
    long before = within.address() % LARGEST_SMALL_PAGE;
    MemorySegment start = MemorySegment.ofAddress(within.address() - before);
    FunctionDescriptor signature = FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG, JAVA_INT);
    libc("madvise", signature, start, before + within.byteSize(), MADV_POPULATE_WRITE);
  }

  public static void unmap(MemorySegment pages) {
    libc("munmap", FunctionDescriptor.of(JAVA_INT, ADDRESS, JAVA_LONG), pages, pages.byteSize());
  }

  private static MethodHandle link(String name, FunctionDescriptor signature) {
    return LINKER.downcallHandle(
        LINKER.defaultLookup().findOrThrow(name),
        signature,
        Linker.Option.captureCallState("errno"));
  }

  /**
   * Calls a function of the C library that says −1 when it fails.
   *
   * @throws IllegalStateException if it does
   */
  private static Object libc(String name, FunctionDescriptor signature, Object... arguments) {
    MethodHandle function = FUNCTIONS.computeIfAbsent(name, _ -> link(name, signature));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment errno = arena.allocate(ERRNO);
      Object result = function.bindTo(errno).invokeWithArguments(arguments);
      long value = result instanceof MemorySegment address ? address.address() : (int) result;
      if (value == -1) {
        throw new IllegalStateException(
            "the system refuses memory: %s failed with errno %d"
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
