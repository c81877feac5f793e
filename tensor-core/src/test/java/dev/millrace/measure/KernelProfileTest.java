package dev.millrace.measure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kernel.Kernels;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.model.ModelFile;
import dev.millrace.network.Chunk;
import dev.millrace.network.StepLimits;
import dev.millrace.synthetic.SyntheticModels;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class KernelProfileTest {
  private static final int POSITIONS = 600; // two of attention's segments

  private final Kernels kernels = new ScalarKernels();
  private final int[] tokens = new int[POSITIONS];

  @Test
  void countsEachKernelsCallsAndBytesByKindOfLayer() {
    try (ModelFile file = SyntheticModels.open("tiny", Optional.of("Q8_0"))) {
      KernelProfile profile = new KernelProfile(kernels);
      try (Workbench workbench = workbench(file, profile.kernels())) {
        workbench.forward(chunk(workbench, 0, POSITIONS - 1));
        profile.reset();
        workbench.forward(chunk(workbench, POSITIONS - 1, 1));
        List<KernelProfile.Row> rows = profile.rows();

        KernelProfile.Row down = row(rows, "multiply", "ffn_down");
        assertThat(down.calls()).isEqualTo(2 * 2); // layers, threads
        assertThat(down.bytes()).isEqualTo(2 * 64 * 160 / 32 * 34);
        assertThat(row(rows, "multiply", "output").bytes()).isEqualTo(320 * 64 / 32 * 34);
        assertThat(row(rows, "lookup", "token_embd").bytes()).isEqualTo(64 / 32 * 34);
        assertThat(row(rows, "rmsNorm", "").calls()).isEqualTo(2 * 2 + 1);
        // Two layers' keys and values, 2 heads of 16 features.
        assertThat(row(rows, "attend", "").bytes())
            .isEqualTo(2L * POSITIONS * 2 * 2 * 16 * Float.BYTES);
        assertThat(rows).allSatisfy(row -> assertThat(row.nanos()).isPositive());
        assertThat(rows.stream().filter(row -> row.kernel().equals("multiply")))
            .extracting(KernelProfile.Row::layer)
            .containsExactlyInAnyOrder(
                "attn_q",
                "attn_k",
                "attn_v",
                "attn_output",
                "ffn_gate",
                "ffn_up",
                "ffn_down",
                "output");
      }
    }
  }

  @Test
  void leavesTheNumbersAlone() {
    try (ModelFile file = SyntheticModels.tiny();
        Workbench plain = workbench(file, kernels);
        Workbench profiled = workbench(file, new KernelProfile(kernels).kernels())) {
      assertThat(logits(profiled)).containsExactly(logits(plain));
    }
  }

  private float[] logits(Workbench workbench) {
    return workbench.forward(chunk(workbench, 0, 20)).data().toArray(ValueLayout.JAVA_FLOAT);
  }

  private static Workbench workbench(ModelFile file, Kernels kernels) {
    return new Workbench(file, Setup.of(kernels, 2), new StepLimits(POSITIONS, 1, POSITIONS), 1);
  }

  private List<Chunk> chunk(Workbench workbench, int position, int count) {
    return List.of(new Chunk(tokens, position, count, position, workbench.sequence(0), 1));
  }

  private static KernelProfile.Row row(List<KernelProfile.Row> rows, String kernel, String layer) {
    return rows.stream()
        .filter(row -> row.kernel().equals(kernel) && row.layer().equals(layer))
        .findFirst()
        .orElseThrow();
  }
}
