package dev.millrace.kernel;

import dev.millrace.assembler.CpuFeatures;
import dev.millrace.kernel.emitted.EmittedKernels;
import dev.millrace.kernel.emitted.Isa;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kernel.vector.VectorKernels;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** All tiers that run here, the fastest first: "avx512", "avx2", "vector", "scalar". */
final class TestTiers {
  private TestTiers() {}

  /**
   * @param wanted names of which any counts; all tiers if there is none
   */
  static Map<String, Kernels> named(List<String> wanted) {
    Map<String, Kernels> tiers = new LinkedHashMap<>();
    for (Isa isa : Isa.values()) {
      if (isa.isIn(CpuFeatures.detect())) {
        tiers.put(
            isa.name().toLowerCase(Locale.ROOT), new EmittedKernels(new VectorKernels(), isa));
      }
    }
    tiers.put("vector", new VectorKernels());
    tiers.put("scalar", new ScalarKernels());
    if (tiers.keySet().stream().anyMatch(wanted::contains)) {
      tiers.keySet().retainAll(wanted);
    }
    return tiers;
  }
}
