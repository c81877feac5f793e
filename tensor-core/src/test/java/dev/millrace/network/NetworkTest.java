package dev.millrace.network;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import dev.millrace.kernel.Team;
import dev.millrace.kernel.scalar.ScalarKernels;
import dev.millrace.kv.BlockTable;
import dev.millrace.kv.KvPool;
import dev.millrace.tensor.Dim.LogitRows;
import dev.millrace.tensor.Dim.Vocab;
import dev.millrace.tensor.Matrix;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

class NetworkTest {
  private static final int BLOCK = 16;

  /** Pairs of models and prompt lengths. 1,100 positions are three segments of attention. */
  static Stream<Arguments> models() {
    return Stream.of(
        Arguments.of("grouped-query attention", new TinyModel(), 1100),
        Arguments.of("multi-query attention", new TinyModel().withKvHeads(1), 40),
        Arguments.of("multi-head attention", new TinyModel().withKvHeads(4), 40),
        Arguments.of("a tied head", new TinyModel().without("output.weight"), 40),
        Arguments.of(
            "positions divided", new TinyModel().with("llama.rope.scaling.factor", 4.0), 40),
        Arguments.of(
            "frequencies divided",
            new TinyModel().withVector("rope_freqs.weight", 1, 1, 1, 1.5f, 2, 4, 8, 8),
            40),
        Arguments.of(
            "half of a head rotated", new TinyModel().with("llama.rope.dimension_count", 8L), 40));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("models")
  void computesWhatThePapersSay(String name, TinyModel model, int length) {
    int[] tokens = new Random(1).ints(length, 0, TinyModel.VOCABULARY).toArray();
    double[][] expected = new PlainLlama(model).logits(tokens);

    try (Team team = Team.of(2);
        // 64 rows a step: attention goes in several waves where a row has several segments
        Network network =
            Network.load(model, new ScalarKernels(), team, new StepLimits(64, 64, 2048));
        KvPool pool = pool(network, length / BLOCK + 1)) {
      BlockTable blocks = blocks(length / BLOCK + 1);
      for (int from = 0; from < length; from += 64) {
        int count = Math.min(64, length - from);
        Chunk chunk = new Chunk(tokens, from, count, from, blocks, count);
        Matrix<LogitRows, Vocab> logits = network.forward(List.of(chunk), pool);
        for (int i = 0; i < count; i++) {
          for (int id = 0; id < TinyModel.VOCABULARY; id++) {
            assertThat((double) logits.get(i, id))
                .as("token %d behind position %d", id, from + i)
                .isCloseTo(expected[from + i][id], within(1e-4));
          }
        }
      }
    }
  }

  @Test
  void probeSeesEveryTensorByItsName() {
    Map<String, List<Integer>> seen = new LinkedHashMap<>();
    try (Team team = Team.of(1);
        Network network =
            Network.load(new TinyModel(), new ScalarKernels(), team, new StepLimits(8, 2, 64));
        KvPool pool = pool(network, 1)) {
      Chunk chunk = new Chunk(new int[] {1, 2, 3, 4, 5}, 0, 5, 0, blocks(1), 2);
      network.probe((name, matrix) -> seen.put(name, List.of(matrix.rows(), matrix.columns())));
      network.forward(List.of(chunk), pool);
    }

    Map<String, List<Integer>> expected = new LinkedHashMap<>();
    expected.put("token_embd", List.of(5, 64));
    for (String layer : List.of("blk.0.", "blk.1.")) {
      expected.put(layer + "attn_norm", List.of(5, 64));
      expected.put(layer + "attn_q", List.of(5, 64));
      expected.put(layer + "attn_k", List.of(5, 32));
      expected.put(layer + "attn_v", List.of(5, 32));
      expected.put(layer + "attn", List.of(5, 64));
      expected.put(layer + "attn_residual", List.of(5, 64));
      expected.put(layer + "ffn_norm", List.of(5, 64));
      expected.put(layer + "ffn_swiglu", List.of(5, 160));
      expected.put(layer + "ffn_residual", List.of(5, 64));
    }
    expected.put("output_norm", List.of(2, 64));
    expected.put("logits", List.of(2, 320));
    assertThat(seen).containsExactlyEntriesOf(expected);
  }

  static Stream<Arguments> wrongChunks() {
    int[] tokens = {1, 2, 3, 320, -1, 4};
    BlockTable two = blocks(2);
    BlockTable beyond = new BlockTable();
    beyond.append(4);
    return Stream.of(
        Arguments.of(new Chunk(tokens, 0, 4, 0, two, 0), "token is 320, allowed: 0 to 319"),
        Arguments.of(new Chunk(tokens, 4, 1, 0, two, 0), "token is -1, allowed: 0 to 319"),
        Arguments.of(new Chunk(tokens, 0, 0, 0, two, 0), "count is 0, allowed: 1 to 4"),
        Arguments.of(new Chunk(tokens, 0, 5, 0, two, 0), "count is 5, allowed: 1 to 4"),
        Arguments.of(new Chunk(tokens, 4, 3, 0, two, 0), "from is 4, allowed: 0 to 3"),
        Arguments.of(new Chunk(tokens, -1, 3, 0, two, 0), "from is -1, allowed: 0 to 3"),
        Arguments.of(new Chunk(tokens, 0, 3, -1, two, 0), "position is -1, allowed: 0 to 61"),
        Arguments.of(new Chunk(tokens, 0, 3, 62, two, 0), "position is 62, allowed: 0 to 61"),
        Arguments.of(new Chunk(tokens, 0, 3, 30, two, 0), "blocks is 2, allowed: at least 3"),
        Arguments.of(new Chunk(tokens, 0, 3, 0, beyond, 0), "block is 4, allowed: 0 to 3"),
        Arguments.of(new Chunk(tokens, 0, 1, 0, two, 2), "logitRows is 2, allowed: 0 to 1"),
        Arguments.of(new Chunk(tokens, 0, 3, 0, two, 3), "logitRows is 3, allowed: 0 to 2"),
        Arguments.of(new Chunk(tokens, 0, 3, 0, two, -1), "logitRows is -1, allowed: 0 to 2"));
  }

  @ParameterizedTest
  @MethodSource("wrongChunks")
  void refusesAWrongChunkAndTakesTheNext(Chunk wrong, String message) {
    try (Team team = Team.of(1);
        Network network =
            Network.load(new TinyModel(), new ScalarKernels(), team, new StepLimits(4, 2, 64));
        KvPool pool = pool(network, 4)) {
      assertThatThrownBy(() -> network.forward(List.of(wrong), pool))
          .isInstanceOf(IllegalArgumentException.class)
          .hasMessage("chunk 0: " + message);

      Chunk right = new Chunk(new int[] {1}, 0, 1, 0, blocks(1), 1);
      assertThat(network.forward(List.of(right), pool).rows()).isEqualTo(1);
    }
  }

  @Test
  void refusesStepsThatMakeNoSense() {
    try (Team team = Team.of(1);
        Network network =
            Network.load(new TinyModel(), new ScalarKernels(), team, new StepLimits(4, 2, 64));
        KvPool pool = pool(network, 4);
        KvPool other = new KvPool(2, 4, 16, 1, BLOCK)) {
      Chunk chunk = new Chunk(new int[] {1, 2, 3}, 0, 3, 0, blocks(1), 1);

      assertThatThrownBy(() -> network.forward(List.of(), pool))
          .hasMessage("a step needs at least one chunk");
      assertThatThrownBy(() -> network.forward(List.of(chunk, chunk), pool))
          .hasMessage("chunk 1: count is 3, allowed: 1 to 1");
      Chunk one = new Chunk(new int[] {1}, 0, 1, 5, blocks(1), 1);
      assertThatThrownBy(() -> network.forward(List.of(chunk, one), pool))
          .hasMessage("chunk 1: block 0 is written twice in this step");
      assertThatThrownBy(() -> network.forward(List.of(chunk), other))
          .hasMessage("KV pool of 2 layers, 4 heads, 16 features; the network has 2, 2, 16");
    }
  }

  @Test
  void aPromptMayWantNoLogitsYet() {
    try (Team team = Team.of(1);
        Network network =
            Network.load(new TinyModel(), new ScalarKernels(), team, new StepLimits(4, 2, 64));
        KvPool pool = pool(network, 4)) {
      Chunk chunk = new Chunk(new int[] {1, 2, 3}, 0, 3, 0, blocks(1), 0);

      assertThat(network.forward(List.of(chunk), pool).rows()).isZero();
    }
  }

  private static KvPool pool(Network network, int blocks) {
    NetworkConfig config = network.config();
    return new KvPool(config.layers(), config.kvHeads(), config.headDim(), blocks, BLOCK);
  }

  private static BlockTable blocks(int count) {
    BlockTable table = new BlockTable();
    for (int i = 0; i < count; i++) {
      table.append(i);
    }
    return table;
  }
}
