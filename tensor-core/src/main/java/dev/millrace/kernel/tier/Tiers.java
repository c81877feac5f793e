package dev.millrace.kernel.tier;

import dev.millrace.assembler.CodePages;
import dev.millrace.assembler.CpuFeatures;
import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.emitted.EmittedKernels;
import dev.millrace.kernel.emitted.Isa;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.vector.VectorKernels;
import java.util.List;
import java.util.Locale;
import java.util.Optional;

/** Finds kernels by the name of their tier. */
public final class Tiers {
  /** The fastest tier, or the best instruction set, that can run here. */
  public static final String AUTO = "auto";

  private static final String SCALAR = "scalar";
  private static final String VECTOR = "vector";
  private static final String EMITTED = "emitted";
  private static final String AVX2 = "avx2";
  private static final String AVX512 = "avx512";
  private static final String VECTOR_MODULE = "jdk.incubator.vector";
  private static final String NO_VECTORS =
      "this JVM was started without --add-modules=" + VECTOR_MODULE;

  private Tiers() {}

  /**
   * @param reason why these, for a line of the log
   */
  public record Choice(Kernels kernels, String reason) {}

  /** The names that {@link #choose} knows. */
  public static List<String> names() {
    return List.of(AUTO, EMITTED, VECTOR, SCALAR);
  }

  /** The instruction sets that {@link #choose} knows. */
  public static List<String> instructionSets() {
    return List.of(AUTO, AVX2, AVX512);
  }

  /** Which instruction set kernels were emitted for; "jvm" for those that the JVM compiles. */
  public static String isa(Kernels kernels) {
    return kernels instanceof EmittedKernels emitted
        ? emitted.isa().name().toLowerCase(Locale.ROOT)
        : "jvm";
  }

  /** As the other, with the best instruction set. */
  public static Choice choose(String name) {
    return choose(name, AUTO);
  }

  /**
   * @param isa of emitted kernels; one that is named asks for these
   * @throws IllegalArgumentException if there is no such tier or instruction set, or it can't run
   *     here, or the tier has none
   */
  public static Choice choose(String name, String isa) {
    if (!isa.equals(AUTO) && (name.equals(SCALAR) || name.equals(VECTOR))) {
      throw new IllegalArgumentException(
          "instruction set " + isa + ": kernels " + name + " have none to choose");
    }
    return switch (name) {
      case AUTO -> isa.equals(AUTO) ? best() : choose(EMITTED, isa);
      case SCALAR -> new Choice(new ScalarKernels(), "asked for");
      case VECTOR -> {
        if (!hasVectors()) {
          throw new IllegalArgumentException("kernels " + name + ": " + NO_VECTORS);
        }
        yield new Choice(vector(), "asked for");
      }
      case EMITTED -> {
        Emitted emitted = emitted(isa);
        Kernels kernels =
            emitted.kernels().orElseThrow(() -> new IllegalArgumentException(emitted.reason()));
        yield new Choice(kernels, emitted.reason());
      }
      default ->
          throw new IllegalArgumentException("kernels " + name + ": must be one of " + names());
    };
  }

  private static Choice best() {
    Emitted emitted = emitted(AUTO);
    return emitted
        .kernels()
        .map(kernels -> new Choice(kernels, emitted.reason()))
        .orElseGet(
            () ->
                new Choice(
                    vectorOrScalar(), emitted.reason() + (hasVectors() ? "" : "; " + NO_VECTORS)));
  }

  /** Emitted kernels, or why there are none. */
  private record Emitted(Optional<Kernels> kernels, String reason) {
    static Emitted not(String reason) {
      return new Emitted(Optional.empty(), reason);
    }
  }

  private static Emitted emitted(String wanted) {
    if (!instructionSets().contains(wanted)) {
      throw new IllegalArgumentException(
          "instruction set " + wanted + ": must be one of " + instructionSets());
    }
    if (!CodePages.isSupported()) {
      return Emitted.not("machine code is only emitted on x86-64 Linux");
    }
    try {
      CpuFeatures cpu = CpuFeatures.detect();
      Optional<Isa> isa =
          wanted.equals(AUTO)
              ? Isa.of(cpu)
              : Optional.of(Isa.valueOf(wanted.toUpperCase(Locale.ROOT)));
      if (isa.isEmpty() || !isa.get().isIn(cpu)) {
        return Emitted.not(
            "this CPU has no " + (wanted.equals(AVX512) ? "AVX-512 with VNNI" : "AVX2 with FMA"));
      }
      Kernels kernels = new EmittedKernels(vectorOrScalar(), isa.get());
      SelfCheck.requireEqual(kernels, new ScalarKernels());
      return new Emitted(
          Optional.of(kernels),
          "machine code for " + isa.get() + ", checked against the scalar tier");
    } catch (IllegalStateException refused) { // the system's word, or the check's
      return Emitted.not(String.valueOf(refused.getMessage()));
    }
  }

  private static boolean hasVectors() {
    return ModuleLayer.boot().findModule(VECTOR_MODULE).isPresent();
  }

  private static Kernels vectorOrScalar() {
    return hasVectors() ? vector() : new ScalarKernels();
  }

  /** In a method of its own: the class can't be loaded where the module is missing. */
  private static Kernels vector() {
    return new VectorKernels();
  }
}
