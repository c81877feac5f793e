package dev.millrace.server;

import static org.assertj.core.api.Assertions.assertThat;

import dev.millrace.kernel.Team;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kv.KvPool;
import dev.millrace.network.Network;
import dev.millrace.network.StepLimits;
import dev.millrace.synthetic.SyntheticModels;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class WarmUpTest {
  /** Rows of the steps that a warm-up runs. */
  private static List<Integer> steps(int maxTokens, int context, Duration most) {
    List<Integer> steps = new ArrayList<>();
    try (Team team = Team.of(1);
        Network network =
            Network.load(
                SyntheticModels.tiny(),
                new ScalarKernels(),
                team,
                new StepLimits(maxTokens, 1, context));
        KvPool pool =
            new KvPool(
                network.config().layers(),
                network.config().kvHeads(),
                network.config().headDim(),
                Math.ceilDiv(context, 16),
                16)) {
      network.probe(
          (name, tensor) -> {
            if (name.equals("token_embd")) {
              steps.add(tensor.rows());
            }
          });
      WarmUp.run(network, pool, most);
    }
    return steps;
  }

  @Test
  void withoutTimeItTakesAShortPromptAndAToken() {
    assertThat(steps(64, 512, Duration.ZERO)).containsExactly(32, 1);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 31, 33})
  void itKeepsToAContextThatIsShorter(int context) {
    assertThat(steps(64, context, Duration.ZERO))
        .endsWith(1)
        .satisfies(
            steps ->
                assertThat(steps.stream().mapToInt(rows -> rows).sum())
                    .isEqualTo(Math.min(33, context)));
  }

  @Test
  void longerPromptsGoByStepsAsLargeAsTheyMayBe() {
    assertThat(steps(48, 2048, Duration.ofSeconds(10))).contains(48, 1024 % 48).doesNotContain(49);
  }
}
