package dev.millrace.kernel.tier;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.vector.VectorKernels;
import java.util.List;

/** Finds kernels by the name of their tier. */
public final class Tiers {
  /** The fastest tier that can run here. */
  public static final String AUTO = "auto";

  private static final String SCALAR = "scalar";
  private static final String VECTOR = "vector";
  private static final String VECTOR_MODULE = "jdk.incubator.vector";

  private Tiers() {}

  /**
   * @param reason why these, for a line of the log
   */
  public record Choice(Kernels kernels, String reason) {}

  /** The names that {@link #choose} knows. */
  public static List<String> names() {
    return List.of(AUTO, VECTOR, SCALAR);
  }

  /**
   * @throws IllegalArgumentException if there is no such tier, or it can't run here
   */
  public static Choice choose(String name) {
    boolean vectors = ModuleLayer.boot().findModule(VECTOR_MODULE).isPresent();
    String missing = "this JVM was started without --add-modules=" + VECTOR_MODULE;
    return switch (name) {
      case AUTO ->
          vectors
              ? new Choice(vector(), "the fastest tier; this JVM has " + VECTOR_MODULE)
              : new Choice(new ScalarKernels(), missing);
      case SCALAR -> new Choice(new ScalarKernels(), "asked for");
      case VECTOR -> {
        if (!vectors) {
          throw new IllegalArgumentException("kernels " + name + ": " + missing);
        }
        yield new Choice(vector(), "asked for");
      }
      default ->
          throw new IllegalArgumentException("kernels " + name + ": must be one of " + names());
    };
  }

  /** In a method of its own: the class can't be loaded where the module is missing. */
  private static Kernels vector() {
    return new VectorKernels();
  }
}
